"use strict";
// An explorer whose formulas the page computes itself: its settings and their link, Play, which moves the time, and
// words. What is computed and drawn stands in `Views`: compute(settings, data) gives a run, each of `figures` draws it
// into an SVG and returns what moves it to a time; pick(x, y) of that says what a drag in the picture sets.
(() => {
  const PLAY = 7000, calm = matchMedia("(prefers-reduced-motion: reduce)");

  function livePage(section) {
    const $ = (selector) => section.querySelector(selector), all = (selector) => [...section.querySelectorAll(selector)];
    const view = Views[section.dataset.view], number = Number(section.dataset.number);
    const controls = Object.fromEntries(all("[data-setting]").map((control) => [control.dataset.setting, control]));
    const { start, data } = JSON.parse($("script").textContent), settings = { ...start };
    const play = $(".play"), words = $(".words"), said = $(".said");
    let run, moves = [], due = "compute", asked = false, playing = false, seen = 0, clock = 0, spoken = 0;

    const figures = view.figures.map(([name, title, draw]) => {
      const figure = document.createElement("figure"), caption = document.createElement("figcaption");
      caption.textContent = title;
      figure.className = name;
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("role", "img");
      figure.append(caption, svg);
      $(".figures").append(figure);
      return { svg, draw, title };
    });
    $(".key").innerHTML = Object.entries(view.key).map(([name, text]) => Svg.key(`curve ${name}`, text)).join("");
    $(".note span").textContent = view.note;

    function showControls() {
      for (const [name, control] of Object.entries(controls)) {
        control.value = settings[name];
        const output = control.parentElement.querySelector("output");
        if (!output) continue;
        output.value = Link.brief(settings[name]);
        control.setAttribute("aria-valuetext", output.value);
      }
      for (const button of all("[data-preset]")) {
        const wanted = { ...start, ...JSON.parse(button.dataset.preset), time: settings.time };
        button.setAttribute("aria-pressed", Object.keys(start).every((name) => settings[name] === wanted[name]));
      }
    }
    function change(values, told = "") {
      const moved = Object.keys(values).filter((name) => settings[name] !== values[name]);
      Object.assign(settings, values);
      said.textContent = told;
      showControls();
      if (!moved.length) return;
      if (moved.some((name) => name !== "time")) due = "compute";
      else due ||= "paint";
      clearTimeout(write.timer);
      write.timer = setTimeout(write, 300);
      wake();
    }
    function write() {
      if (!playing) history.replaceState(null, "", Link.fragment(settings, start, number));
    }
    function follow() {
      const found = Link.follow(location.hash.slice(1), controls, start, number);
      if (!found) return;
      playing = false;
      change({ ...start, ...found.values }, found.told);
      if (parent === window) section.scrollIntoView();
    }
    function layout() {
      moves = figures.map(({ svg, draw }) => draw(svg, Math.max(230, Math.floor(svg.parentElement.clientWidth)), run));
      figures.forEach(({ svg }, k) => svg.setAttribute("class", !moves[k].pick ? "" : moves[k].free ? "pick free" : "pick"));
    }
    function paint() {
      moves.forEach((move) => move(settings.time));
      play.textContent = playing ? "Pause" : settings.time >= 100 ? "Play again" : settings.time ? "Go on" : "Play";
    }
    function speak() {
      const text = view.words(run, settings);
      if (words.textContent !== text) words.textContent = text;
      for (const { svg, title } of figures) svg.setAttribute("aria-label", `${title}. ${text}`);
      spoken = performance.now();
    }
    function wake() {
      if (!asked) requestAnimationFrame(frame);
      asked = true;
    }
    function frame(now) {
      asked = false;
      const idle = due !== "" || !playing;
      if (due === "compute") run = view.compute(settings, data);
      if (due === "compute" || due === "layout") layout();
      due = "";
      if (playing) {
        clock = Math.min(100, clock + (100 * Math.min(100, now - seen)) / PLAY);  // missed time is not made up
        settings.time = calm.matches && clock < 100 ? 20 * Math.floor(clock / 20) : clock;
        if (clock >= 100) [playing, settings.time] = [false, 100];
        showControls();
        if (!playing) write();
      }
      paint();
      if (playing) wake();
      seen = now;
      if (idle || !playing || now - spoken > 2500) speak();
    }

    for (const [name, control] of Object.entries(controls)) {
      const { kind, low, high } = control.dataset;
      if (control.type === "range") [control.min, control.max, control.step] = [low, high, kind === "whole" ? 1 : 0.01];
      control.addEventListener(control.type === "range" ? "input" : "change", () => {
        playing = false;
        change({ [name]: Link.read(control, control.value, start[name])[0] ?? settings[name] });
      });
    }
    for (const button of all("[data-preset]"))
      button.addEventListener("click", () => {
        playing = false;
        change({ ...start, ...JSON.parse(button.dataset.preset) });
        write();
        turn();
      });
    const turn = () => {
      playing = !playing;
      clock = settings.time >= 100 ? 0 : settings.time;
      seen = performance.now();
      wake();
    };
    play.addEventListener("click", turn);
    figures.forEach(({ svg }, k) => {
      const pick = (event) => {
        if (!moves[k].pick || (event.type === "pointermove" && !svg.hasPointerCapture(event.pointerId))) return;
        const box = svg.getBoundingClientRect(), values = moves[k].pick(event.clientX - box.left, event.clientY - box.top);
        if (values.time !== undefined) values.time = Math.round(Math.min(100, Math.max(0, values.time)));
        playing = false;
        change(values);
      };
      svg.addEventListener("pointerdown", (event) => {
        svg.setPointerCapture(event.pointerId);
        pick(event);
      });
      svg.addEventListener("pointermove", pick);
    });
    Svg.onWidth(section, () => {
      due ||= "layout";
      wake();
    });
    addEventListener("hashchange", follow);
    follow();
    showControls();
    frame(performance.now());  // at once, so that an early click finds a run
  }
  document.querySelectorAll(".live").forEach(livePage);
})();
