// Loads the page of a running study anew, where it was scrolled to, unless somebody is at it or has paused that.
"use strict";

const SECONDS = 10;
const pause = document.getElementById("pause");
let paused = false;

pause.addEventListener("click", () => {
  if (paused) location.reload();
  paused = true;
  pause.textContent = "Go on";
});
setInterval(() => {
  const inUse = document.hidden || document.activeElement !== document.body || !getSelection().isCollapsed;
  if (!inUse && !paused) location.reload(); // the browser keeps the place
}, 1000 * SECONDS);
document.getElementById("anew").hidden = false;
