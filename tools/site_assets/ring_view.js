"use strict";
// The ring of notebook 05 on a page: two objects, the weights of every neuron, and their selectivity over time.
Views.ring = (() => {
  const STEPS = 200, EVERY = 5, LIMIT = 0.23, KINDS = ["first", "second", "dead"];
  const UPDATES = {  // batch and temperature
    "L_simp, exact": [null, null], "L_simp, batches of 64": [64, null], "L_simp, batches of 8": [8, null],
    "InfoNCE, batches of 64": [64, 0.1],
  };
  const sum = (list) => list.reduce((a, b) => a + b, 0);

  function compute({ neuron, cells, strength, neurons, update, seed }) {
    const linear = neuron === "linear", points = RingEngine.world(cells, strength), [batch, tau] = UPDATES[update];
    const [first, later] = [0, 1].map((stream) => Engine.generator(seed, stream));
    const start = Array.from({ length: Number(neurons) }, () =>
      RingEngine.unit(Float64Array.from({ length: cells }, () => Engine.normal(first))));
    const move = batch === null
      ? (weights) => RingEngine.expectedUpdate(weights, points, linear)
      : (weights) => RingEngine.sampledUpdate(weights, RingEngine.draw(cells, strength, batch, later), linear, tau);
    const weights = RingEngine.follow(start, move, { steps: STEPS, stepSize: cells / 10, every: EVERY });
    const f = weights.map((now) => now.map((w) => RingEngine.responses(w, points, linear)));
    const dead = start.map((w) => RingEngine.dead(w, points, linear));
    const s = f.map((now) => now.map(RingEngine.selectivity));
    const kinds = s[0].map((value, j) => (dead[j] ? "dead" : value > 0 ? "first" : "second"));
    const order = s[0].map((_, j) => j).sort((a, b) => s[0][b] - s[0][a]);
    const letter = (now, j) => {
      const middle = sum(now[j]) / now[j].length, spread = now[j].some((x) => Math.abs(x - middle) > 1e-10);
      return dead[j] || !spread ? "·" : RingEngine.objectShare(now[j]) > 0.5 ? "o" : "p";
    };
    const letters = f.map((now) => now.map((_, j) => letter(now, j)));
    return { cells, shift: RingEngine.largestShift(cells, strength), weights, s, kinds, order, letters, dead };
  }
  const index = (time) => Math.round((time / 100) * (STEPS / EVERY));

  function objects(svg, width, { cells, shift }) {
    const size = Math.min(150, width / 2.2), r = size / 2 - 10, dot = Math.min(7, (2.2 * r) / cells);
    Svg.blank(svg, width, size + 30);
    ["11", "101"].forEach((name, k) => {
      const x = (width * (2 * k + 1)) / 4, y = size / 2;
      for (let cell = 0; cell < cells; cell++) {
        const angle = (2 * Math.PI * cell) / cells, on = cell === 0 || cell === k + 1;
        const at = { cx: x + r * Math.sin(angle), cy: y - r * Math.cos(angle), r: dot };
        Svg.add(svg, "circle", { ...at, class: on ? "on" : "off" });
      }
      Svg.add(svg, "text", { x, y, dy: ".35em", class: "middle" }, name);
    });
    const told = shift === null ? "any shift" : shift ? `shift up to ±${shift} of ${cells}` : "no shift";
    Svg.add(svg, "text", { x: width / 2, y: size + 20, class: "middle" }, told);
    return () => {};
  }
  function heat(svg, width, { cells, weights, order, letters }) {
    const row = Math.max(14, 190 / order.length), height = row * order.length, pitch = (width - 24) / cells;
    Svg.blank(svg, width, height + 20);
    const rows = order.map((j, k) => {
      const tiles = Array.from({ length: cells }, (_, c) =>
        Svg.add(svg, "rect", { x: c * pitch, y: k * row, width: pitch - 1, height: row - 1 }));
      return { j, tiles, letter: Svg.add(svg, "text", { x: width - 10, y: (k + 0.5) * row, dy: ".35em", class: "middle" }) };
    });
    Svg.add(svg, "text", { x: (width - 24) / 2, y: height + 16, class: "middle" }, "cells");
    return (time) => rows.forEach(({ j, tiles, letter }) => {
      tiles.forEach((tile, c) => {
        const w = weights[index(time)][j][c], share = Math.min(1, Math.abs(w) / 0.8).toFixed(3);
        Svg.set(tile, { class: w > 0 ? "above" : "below", "fill-opacity": share });
      });
      letter.textContent = letters[index(time)][j];
    });
  }
  function curves(svg, width, { s, kinds }) {
    const ticks = [[0, 100, 200].map((step) => [step, String(step)]), [-0.2, 0, 0.2].map((y) => [y, y.toFixed(1)])];
    const frame = Svg.frame(svg, width, width > 500 ? 400 : 270, { x: [0, STEPS], y: [-LIMIT, LIMIT], ticks, label: "steps of the flow" });
    Svg.add(svg, "text", { x: frame.left + 6, y: frame.top + 12 }, "fires more for 11");
    Svg.add(svg, "text", { x: frame.left + 6, y: frame.floor - 8 }, "fires more for 101");
    const line = (j, end) => frame.line(s.slice(0, end + 1).map((now, t) => [EVERY * t, now[j]]));
    const paths = kinds.map((kind) => Svg.add(svg, "path", { class: `curve ${kind}` }));  // up to the time shown
    const now = Svg.add(svg, "path", { class: "now" });
    const dots = kinds.map((kind) => Svg.add(svg, "circle", { class: `spot ${kind}`, r: 3.5 }));
    const update = (time) => {
      const t = index(time), x = frame.px(EVERY * t);
      now.setAttribute("d", `M${x} ${frame.top}V${frame.floor}`);
      paths.forEach((path, j) => path.setAttribute("d", line(j, t)));
      dots.forEach((dot, j) => Svg.set(dot, { cx: x, cy: frame.py(s[t][j]) }));
    };
    return Object.assign(update, { pick: (px, py) => ({ time: 100 * (frame.at(px, py)[0] / STEPS) }) });
  }
  function words({ s, kinds, letters, order }, { neuron, update, time }) {
    const t = index(time), live = order.filter((j) => kinds[j] !== "dead"), n = order.length;
    const head = `After ${EVERY * t} steps, ${neuron} neurons, ${update}`;
    if (!live.length) return `${head}: all ${n} neurons have an operator of zero. None learns anything.`;
    const kept = live.filter((j) => s[0][j] * s[t][j] > 0).length;
    const mean = (now) => (sum(live.map((j) => Math.abs(s[now][j]))) / live.length).toFixed(3);
    const of = (letter) => letters[t].filter((own) => own === letter).length;
    return `${head}: ${kept} of ${live.length} neurons that can learn have the sign they began with; mean |s| of these ` +
      `went from ${mean(0)} to ${mean(t)}; ${n - live.length} dead. ${of("o")} neurons tell objects apart, ${of("p")} places.`;
  }
  const key = { first: "s > 0 at first", second: "s < 0 at first", dead: "dead" };
  return {
    compute, words, key,
    note: "Left below: one row of weights per neuron, orange above zero and blue below; o: it tells objects apart, p: places, ·: nothing. A click in the curves sets the time.",
    figures: [
      ["objects", "two objects", objects], ["heat", "weights of each neuron", heat],
      ["wide", "selectivity s of each neuron", curves],
    ],
  };
})();
