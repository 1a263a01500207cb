// A file as a picture on its card.
import { make } from "./cards.js";
import { nameOf } from "./file_drop.js";

export function showPicture(card, file) { // what cannot be drawn is left out
  const image = make("img"), shown = make("figure", "", make("div", "picture", image));
  Object.assign(image, { alt: `Radiograph ${nameOf(file)}`, src: URL.createObjectURL(file) });
  image.addEventListener("error", () => {
    URL.revokeObjectURL(image.src);
    card.classList.add("small");
    shown.remove();
  });
  card.prepend(shown);
}
