"use strict";
// Each player: sliders choose a position, the position chooses a picture. Nothing is loaded, nothing is computed.
const still = matchMedia("(prefers-reduced-motion: reduce)");
for (const player of document.querySelectorAll(".player")) {
  const data = JSON.parse(player.querySelector("script").textContent);
  const screen = player.querySelector(".screen"), words = player.querySelector(".words");
  const sliders = [...player.querySelectorAll("input, select")];
  const presets = player.querySelector(".presets");
  screen.style.backgroundImage = `url(${data.images[0]})`;  // all others are transparent where they equal it
  let timer = null, scene = data.scenes[0];
  const labels = (k) => (k === 0 && scene.labels) || data.axes[k].labels;
  const show = (number, pressed = null) => {
    screen.src = data.images[number];
    screen.alt = words.textContent = data.words[number];
    for (const button of presets.children) button.setAttribute("aria-pressed", button === pressed);
  };
  const place = () => sliders.slice(0, scene.axes).reduce((at, slider, k) => at * labels(k).length + Number(slider.value), 0);
  const name = () => sliders.forEach((slider, k) => {
    const output = slider.parentElement.querySelector("output");
    if (!output) return;
    output.value = labels(k)[slider.value];
    slider.setAttribute("aria-valuetext", output.value);
  });
  const enter = (next, at) => {
    scene = next;
    sliders.forEach((slider, k) => {
      slider.parentElement.hidden = k >= scene.axes;
      if (slider.options) slider.replaceChildren(...labels(k).map((label, value) => new Option(label, value)));
      else slider.max = labels(k).length - 1;
      if (k < at.length) slider.value = at[k];
    });
    name();
  };
  const pressed = () => (scene === data.scenes[0] ? null : presets.children[data.presets.findIndex((p) => data.scenes[p.scene] === scene)]);
  const move = () => { name(); show(scene.grid[place()], pressed()); };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    for (const button of player.querySelectorAll(".play")) button.textContent = still.matches ? "Next" : "Play";
  };
  sliders.forEach((slider) => slider.addEventListener("input", () => { stop(); move(); }));
  for (const button of player.querySelectorAll(".play")) {
    const slider = sliders[button.dataset.axis];
    const next = () => {
      slider.value = (Number(slider.value) + 1) % (Number(slider.max) + 1);
      move();
      if (slider.value === slider.max) stop();
    };
    button.addEventListener("click", () => {
      if (still.matches) return next();  // whoever asked for less motion goes step by step
      if (timer) return stop();
      if (slider.value === slider.max) slider.value = 0;
      move();
      timer = setInterval(next, 350);
      button.textContent = "Stop";
    });
  }
  const start = data.axes.map((axis) => axis.start);
  const beside = data.presets.some((preset) => preset.scene);
  for (const preset of [...data.presets, ...(beside ? [{ label: "back to the start", scene: 0, at: start }] : [])]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = preset.label;
    button.addEventListener("click", () => {
      stop();
      enter(data.scenes[preset.scene], preset.at);
      show(scene.grid[place()], button);
      const timed = /^(time|step)$/.test(data.axes[0].name) && preset.at !== start;
      if (timed && !still.matches) player.querySelector(".play").click();  // a preset plays where Play moves the time
    });
    presets.append(button);
  }
  stop();
}
// A picture wider than the screen keeps its size and moves sideways, by keys, too.
const wide = new ResizeObserver((boxes) => boxes.forEach(({ target: box }) => (box.tabIndex = box.scrollWidth > box.clientWidth ? 0 : -1)));
for (const box of document.querySelectorAll(".scroll")) wide.observe(box);
for (const reveal of document.querySelectorAll(".reveal")) {
  const question = document.getElementById(reveal.dataset.question);
  const whys = JSON.parse(question.querySelector("script").textContent);
  reveal.addEventListener("toggle", () => {
    const chosen = question.querySelector("input:checked");
    const said = !chosen ? "" : chosen.value === reveal.dataset.right ? "As you said." : whys[chosen.value];
    reveal.querySelector(".mine").textContent = said;
  });
}
// In a frame, arrow keys that move nothing here go to the page around it: they turn the pages of a story.
if (parent !== window)
  addEventListener("keydown", (event) => {
    const used = event.target.closest("input, select");
    if (/^Arrow(Left|Right)$/.test(event.key) && !used) parent.postMessage(event.key, "*");
  });
// A link such as #explorer=2&preset=no augmentation presses a preset of a player; #only=2 shows the second explorer of a
// page alone, for a page of somebody else.
const asked = (name) => new URLSearchParams(location.hash.slice(1)).get(name);
const pressLinked = () => {
  const player = document.getElementById(`player-${Number(asked("explorer") ?? asked("only") ?? 1)}`);
  const button = player && [...player.querySelectorAll(".presets button")].find((b) => b.textContent === asked("preset"));
  if (!button) return;
  button.click();
  if (parent === window) player.scrollIntoView();
};
addEventListener("hashchange", pressLinked);
pressLinked();
const alone = document.querySelectorAll(".player, .tree")[asked("only") - 1];
if (alone) for (const part of document.querySelectorAll("body > header, body > footer, main > *")) part.hidden = part !== alone;
