"use strict";
// One deck: keys, buttons, and a second window with the notes. The body is in one of three modes: "one" slide; "speaker",
// the window which shows this slide, the next and the notes; or neither, an overview, which is also printed.
const root = document.documentElement, { body } = document, bar = document.querySelector(".bar"), SPEAKER = "#notes";
const slides = [...document.querySelectorAll(".slides > section")], tops = slides.flatMap((s, k) => ("top" in s.dataset ? [k] : []));
const speaking = location.hash === SPEAKER, started = Date.now();
let at = 0, seen = 0, other = speaking ? opener : null;

// Show slide k with the first n of the pieces that appear key by key, and tell the other window unless it said so.
function goTo(k, n = 0, tell = true) {
  slides.forEach((slide, j) => ["now", "next"].forEach((name, more) => slide.classList.toggle(name, j === k + more)));
  const pieces = slides[k].querySelectorAll(".fragment");
  [at, seen] = [k, Math.min(n, pieces.length)];
  pieces.forEach((piece, j) => piece.classList.toggle("later", j >= seen));
  for (const formula of slides[k].querySelectorAll(".formula")) {  // wider than its slide: smaller
    const size = parseFloat(getComputedStyle(formula).fontSize), share = formula.clientWidth / formula.scrollWidth;
    if (share < 1) formula.style.fontSize = `${Math.floor(size * share * 0.97)}px`;
  }
  bar.querySelector("output").value = `${k + 1} / ${slides.length}`;
  bar.style.setProperty("--part", (k + 1) / slides.length);
  if (!speaking) history.replaceState(null, "", `#${k + 1}`);
  if (!body.className) slides[k].scrollIntoView({ block: "nearest" });
  if (tell) other?.postMessage([at, seen], "*");
}
const turn = (step) => goTo(Math.min(slides.length - 1, Math.max(0, at + step)), step < 0 ? Infinity : 0);
const on = () => (seen < slides[at].querySelectorAll(".fragment").length ? goTo(at, seen + 1) : turn(1));
const back = () => (seen ? goTo(at, seen - 1) : turn(-1));
const show = (mode) => { body.className = mode; goTo(at, seen, false); };
const keys = {
  ArrowRight: on, PageDown: on, " ": (event) => (event.shiftKey ? back() : on()), ArrowLeft: back, PageUp: back,
  ArrowDown: () => goTo(tops.find((k) => k > at) ?? slides.length - 1), ArrowUp: () => goTo(tops.findLast((k) => k < at) ?? 0),
  Home: () => goTo(0), End: () => goTo(slides.length - 1), Enter: () => !speaking && show("one"),
  o: () => !speaking && show(body.className ? "" : "one"),
  f: () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen()),
  s: () => { if (!speaking) other = open(location.href.split("#")[0] + SPEAKER, "notes", "width=1200,height=800"); },
};
addEventListener("keydown", (event) => {
  const { key, target, ctrlKey, altKey, metaKey } = event, run = keys[key] ?? keys[key.toLowerCase()];
  if (!run || ctrlKey || altKey || metaKey || (/^[ E]/.test(key) && target.closest("a, button"))) return;
  event.preventDefault();
  run(event);
});
addEventListener("message", ({ data, source }) => {
  if (data === "where") [other] = [source, source.postMessage([at, seen], "*")];
  else if (slides[data?.[0]] && source === (other ??= source)) goTo(...data, false);  // a page loaded anew takes the one it had
});
let from = null;  // where a finger came down
addEventListener("touchstart", ({ touches: [finger] }) => (from = finger.clientX), { passive: true });
addEventListener("touchend", ({ changedTouches: [finger] }) => {
  if (body.className && Math.abs(finger.clientX - from) > 60) (finger.clientX < from ? on : back)();
});
slides.forEach((slide, k) => slide.addEventListener("click", () => !body.className && (goTo(k), show("one"))));
bar.querySelectorAll("button").forEach((button, k) => button.addEventListener("click", [back, on][k]));
bar.addEventListener("mousedown", (event) => event.preventDefault());  // a clicked button takes no keys from the slides
const fit = () => root.style.setProperty("--fit", Math.min(innerWidth / 1280, innerHeight / 720));
addEventListener("resize", fit);
fit();
at = Math.min(slides.length, Math.max(1, parseInt(location.hash.slice(1)) || 1)) - 1;
show(speaking ? "speaker" : "one");
if (speaking) {
  const clock = document.querySelector(".clock"), two = (number) => String(Math.floor(number)).padStart(2, "0");
  setInterval(() => (clock.textContent = `${two((Date.now() - started) / 60000)}:${two(((Date.now() - started) / 1000) % 60)}`), 1000);
  other?.postMessage("where", "*");
}
