"use strict";
// Each player: sliders choose a position, the position chooses a picture. Nothing is loaded, nothing is computed.
const still = matchMedia("(prefers-reduced-motion: reduce)");
for (const player of document.querySelectorAll(".player")) {
  const data = JSON.parse(player.querySelector("script").textContent);
  const screen = player.querySelector(".screen"), words = player.querySelector(".words");
  const sliders = [...player.querySelectorAll("input, select")];
  const presets = player.querySelector(".presets");
  let timer = null;
  const show = (number, pressed = null) => {
    screen.src = data.images[number];
    screen.alt = words.textContent = data.words[number];
    for (const button of presets.children) button.setAttribute("aria-pressed", button === pressed);
  };
  const read = () => {
    sliders.forEach((slider, k) => {
      const output = slider.parentElement.querySelector("output");
      if (!output) return;
      output.value = data.axes[k].labels[slider.value];
      slider.setAttribute("aria-valuetext", output.value);
    });
    return sliders.reduce((place, slider, k) => place * data.axes[k].labels.length + Number(slider.value), 0);
  };
  const move = () => show(data.grid[read()]);
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
  for (const preset of data.presets) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = preset.label;
    button.addEventListener("click", () => {
      stop();
      if (preset.at) sliders.forEach((slider, k) => { slider.value = preset.at[k]; });
      read();
      show(preset.image, button);
    });
    presets.append(button);
  }
  stop();
}
for (const reveal of document.querySelectorAll(".reveal")) {
  const question = document.getElementById(reveal.dataset.question);
  const whys = JSON.parse(question.querySelector("script").textContent);
  reveal.addEventListener("toggle", () => {
    const chosen = question.querySelector("input:checked");
    const said = !chosen ? "" : chosen.value === reveal.dataset.right ? "As you said." : whys[chosen.value];
    reveal.querySelector(".mine").textContent = said;
  });
}
