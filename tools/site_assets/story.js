"use strict";
// The stops of a lecture: a sentence, and an explorer in a state. Arrow keys and both buttons move on and back; the
// number of the stop stands in the address. A page in the frame hands on arrow keys that it does not use itself.
for (const story of document.querySelectorAll(".story")) {
  const stops = JSON.parse(story.querySelector("script").textContent), frame = story.querySelector("iframe");
  const [back, on] = story.querySelectorAll("button");
  let at = Math.min(stops.length, Math.max(1, parseInt(location.hash.slice(1)) || 1)) - 1;
  const show = (step) => {
    at = Math.min(stops.length - 1, Math.max(0, at + step));
    const { page, set, say, live = "" } = stops[at];
    story.querySelector(".say").innerHTML = `${say}<p class="live">${live}</p>`;
    story.querySelector(".steps span").textContent = `${at + 1} of ${stops.length}`;
    [back.disabled, on.disabled] = [at === 0, at === stops.length - 1];
    frame.contentWindow.location.replace(new URL(`embed/${page}.html#${set}`, location.href));
    history.replaceState(null, "", `#${at + 1}`);
  };
  const key = (name) => show(name === "ArrowRight" ? 1 : name === "ArrowLeft" ? -1 : 0);
  back.addEventListener("click", () => show(-1));
  on.addEventListener("click", () => show(1));
  addEventListener("keydown", (event) => { if (event.key.startsWith("Arrow")) key(event.key); });
  addEventListener("message", (event) => { if (event.source === frame.contentWindow) key(event.data); });
  show(0);
}
