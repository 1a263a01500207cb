// What is shown of an answer, and said of many: the same on the page of a server and on that without one.

export const make = (tag, name, ...content) => {
  const one = document.createElement(tag);
  if (name) one.className = name;
  one.append(...content);
  return one;
};

const number = value => value < 0.001 ? "< 0.001" : value > 0.999 ? "> 0.999" : value.toFixed(3);
export const sentence = text => text && text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

function drawScale(probability, { threshold, low, high }) { // the operating point and the referral band
  const width = 300, x = value => 6 + (width - 12) * value, space = "http://www.w3.org/2000/svg";
  const parts = [
    ["rect", { x: x(low), y: 7, width: x(high) - x(low), height: 14, class: "band" }],
    ["path", { d: `M${x(0)} 14H${x(1)}`, class: "line" }],
    ["path", { d: `M${x(threshold)} 5V23`, class: "cut" }],
    ["circle", { cx: x(probability), cy: 14, r: 5.5, class: "here" }],
    ["text", { x: x(0), y: 35 }, "0"], ["text", { x: x(1), y: 35, "text-anchor": "end" }, "1"],
    ["text", { x: x((low + high) / 2), y: 35, "text-anchor": "middle" }, low < high ? "unsure" : ""],
  ];
  const drawing = document.createElementNS(space, "svg");
  const given = { viewBox: `0 0 ${width} 38`, class: "scale", "aria-hidden": "true" }; // numbers beside it say the same
  for (const [name, value] of Object.entries(given)) drawing.setAttribute(name, value);
  drawing.append(...parts.map(([tag, attributes, text]) => {
    const part = document.createElementNS(space, tag);
    for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, value);
    if (text) part.textContent = text;
    return part;
  }));
  return drawing;
}

function listNumbers({ probability, calibrated }) {
  return make("dl", "numbers", ...[["Probability", probability], ["Calibrated", calibrated]].map(([name, value]) =>
    make("div", "", make("dt", "", name), make("dd", "", number(value)))));
}

export const NOT_YET = "not looked at: the table was saved before"; // of a file that waits, in the table

export function tell(answer) { // the verdict, and a sentence more
  if (answer.status === "refused") return ["Refused", sentence(answer.reason)];
  if (answer.unsure) return ["Unsure: leave it to a human", `By the operating point alone it would be called ${answer.decision}.`];
  return [answer.decision === "pneumonia" ? "Pneumonia" : "Normal", ""];
}

export function summarise(answers) {
  const count = keep => answers.filter(keep).length, scored = count(answer => answer.status === "scored");
  const unsure = count(answer => answer.unsure), refused = answers.length - scored;
  const parts = [`${scored} scored`, unsure ? `${unsure} of them left to a human` : "", refused ? `${refused} refused` : ""];
  return answers.length === 1 ? tell(answers[0])[0] : parts.filter(Boolean).join(", ");
}

export const makeWaiting = name =>
  make("li", "waiting small", make("h3", "", name), make("p", "verdict", "Waiting …"));

export function fillCard(card, name, answer, point) { // without a picture: whoever has one lays it before the rest
  const [verdict, why] = tell(answer), scored = answer.status === "scored";
  const said = make("div", "", make("h3", "", name), make("p", "verdict", verdict));
  if (why) said.append(make("p", "", why));
  if (scored) said.append(drawScale(answer.probability, point), listNumbers(answer));
  if (answer.flags.length) said.append(make("ul", "flags", ...answer.flags.map(flag => make("li", "", sentence(flag)))));
  card.className = !scored ? "refused" : answer.unsure ? "unsure" : answer.decision;
  card.replaceChildren(said);
}
