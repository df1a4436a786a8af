"use strict";
// The plane of notebook 11 on a page: which starts of a mode live, its path, and two modes trained as matrices.
Views.plane = (() => {
  const LENGTH = 32, EVERY = 8, STRIDE = 0.8, [LEFT, RIGHT, TOP] = [-0.3, 1.2, 1.5], SECOND = [0.8, 0.4];
  const COLUMNS = Array.from({ length: 61 }, (_, k) => LEFT + ((RIGHT - LEFT) * k) / 60);
  const two = (x) => x.toFixed(2);
  let known = "", edge = null;  // the separatrix of the rates that were asked for last: a dragged start needs it again

  const turn = (degrees, size) => {
    const [c, s] = [Math.cos, Math.sin].map((f) => f((degrees * Math.PI) / 180));
    const entry = (i, k) => (i > 1 || k > 1 ? Number(i === k) : i === k ? c : i < k ? -s : s);
    return Array.from({ length: size }, (_, i) => Array.from({ length: size }, (_, k) => entry(i, k)));
  };
  const diagonal = (values) => values.map((x, i) => values.map((_, k) => (i === k ? x : 0)));
  const around = (R, values) => PlaneEngine.times(PlaneEngine.times(R, diagonal(values)), PlaneEngine.turned(R));

  function compute({ eta, noise, alpha, beta, p, w2, turn: degrees, departure }) {
    const rates = { noise: Number(noise), alpha: Number(alpha), eta, beta: beta === "copy" ? null : Number(beta) };
    const told = JSON.stringify(rates);
    if (told !== known) [known, edge] = [told, PlaneEngine.boundary(COLUMNS, rates)];
    const h = 0.02, path = PlaneEngine.flow(p, w2, rates, { h, every: 5, count: LENGTH / (5 * h) });
    const second = PlaneEngine.flow(...SECOND, rates, { h, every: 5, count: LENGTH / (5 * h) });
    let P = around(turn(Number(degrees), 2), [p, SECOND[0]]);
    if (departure === "P not symmetric") P = [[P[0][0], P[0][1] + 0.5], [P[1][0] - 0.5, P[1][1]]];
    const W = [[Math.sqrt(w2), 0, 0], [0, Math.sqrt(SECOND[1]), 0]];
    const between = around(turn(40, 3), departure === "stretched data" ? [1.6, 0.7, 0.7] : [1, 1, 1]);
    const total = between.map((row, i) => row.map((x, k) => x + (i === k ? rates.noise : 0)));
    const [rate, every] = departure === "large steps" ? [STRIDE, 1] : [STRIDE / EVERY, EVERY];
    const trained = PlaneEngine.train(W, P, { between, total }, rates, { rate, steps: Math.round(LENGTH / rate), every });
    const modes = trained.map((one) => PlaneEngine.modes(one, rates.alpha));
    const gap = modes.reduce((most, at, t) => Math.max(most,
      ...[path, second].map((way, m) => Math.abs(at[m][1] - (way[EVERY * t] ?? way.at(-1))[1]))), 0);
    return {
      p, w2, rates, edge, path, second, modes, gap, lives: PlaneEngine.lives(p, w2, rates),
      end: PlaneEngine.flow(p, w2, rates, { h: 0.1, every: 50, count: 160 }).slice(7).map(([p, w2]) => [p, w2]),
      fixed: PlaneEngine.fixedPoints(rates.noise, eta),
      setting: [...(Number(degrees) ? [`P turned by ${degrees}°`] : []), ...(departure === "none" ? [] : [departure])],
    };
  }
  const index = (time) => Math.round((time / 100) * 10 * LENGTH);

  function plane(svg, width, run) {
    const ticks = [[0, 0.5, 1].map((x) => [x, String(x)]), [0, 0.5, 1, 1.5].map((y) => [y, String(y)])];
    const frame = Svg.frame(svg, width, Math.min(430, 0.85 * width + 40), {
      x: [LEFT, RIGHT], y: [0, TOP], ticks, label: "p, the predictor  (vertical: w², the weights)",
    });
    const { alpha } = run.rates, high = run.edge.map((y) => Math.min(y, TOP));
    const under = [[LEFT, 0], ...COLUMNS.map((p, k) => [p, high[k]]), [RIGHT, 0]];
    const hatch = { id: "dies", width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
    Svg.add(Svg.add(svg, "pattern", hatch), "path", { d: "M0 0V8", class: "hatch" });
    Svg.add(svg, "path", { fill: "url(#dies)", d: `${frame.line(under)}Z` });
    for (let p = -0.2; p < 1.15; p += 0.13)
      for (let w2 = 0.12; w2 < 1.45; w2 += 0.17) arrow(svg, frame, p, w2, run.rates);
    const inside = COLUMNS.map((p, k) => [p, run.edge[k]]).filter(([, y]) => y <= TOP);
    Svg.add(svg, "path", { class: "edge-of-basin", d: frame.line(inside) });
    const parabola = (c) => frame.line(COLUMNS.map((p) => [p, p * p / alpha + c]).filter(([, y]) => y >= 0 && y <= TOP));
    Svg.add(svg, "path", { class: "curve second solid", d: parabola(0) });
    Svg.add(svg, "path", { class: "curve second", d: parabola(run.w2 - run.p ** 2 / alpha) });
    run.fixed.forEach((p, k) => Svg.add(svg, "circle", {
      cx: frame.px(p), cy: frame.py(p * p / alpha), r: 6, class: k ? "goal" : "saddle",
    }));
    Svg.add(svg, "path", { class: "curve first faint", d: frame.line([...run.path.map(([p, w2]) => [p, w2]), ...run.end]) });
    const way = Svg.add(svg, "path", { class: "curve first thick" });
    const start = { cx: frame.px(run.p), cy: frame.py(run.w2) };
    Svg.add(svg, "circle", { ...start, r: 7, class: "spot first" });
    Svg.add(svg, "circle", { ...start, r: 12, class: "handle" });
    const spot = Svg.add(svg, "circle", { r: 5, class: "spot second" });
    const update = (time) => {
      const walked = run.path.slice(0, index(time) + 1), [p, w2] = walked.at(-1);
      way.setAttribute("d", frame.line(walked.map(([p, w2]) => [p, w2])));
      Svg.set(spot, { cx: frame.px(p), cy: frame.py(Math.min(w2, TOP)) });
    };
    const limit = (x, low, most) => Number(Math.min(most, Math.max(low, x)).toFixed(2));
    const pick = (px, py) => {
      const [p, w2] = frame.at(px, py);
      return { p: limit(p, -0.2, 1.1), w2: limit(w2, 0.05, 1.4) };
    };
    return Object.assign(update, { pick, free: true });
  }
  function arrow(svg, frame, p, w2, rates) {
    const w = Math.sqrt(w2), [u, v] = PlaneEngine.velocity([p, w, w], rates), dx = frame.px(p + u) - frame.px(p);
    const dy = frame.py(w2 + 2 * w * v) - frame.py(w2), size = Math.hypot(dx, dy) || 1, [x, y] = [frame.px(p), frame.py(w2)];
    const [a, b] = [(7 * dx) / size, (7 * dy) / size];
    const head = `M${x + a - 0.6 * a - 0.4 * b} ${y + b - 0.6 * b + 0.4 * a}L${x + a} ${y + b}L${x + a - 0.6 * a + 0.4 * b} ${y + b - 0.6 * b - 0.4 * a}`;
    Svg.add(svg, "path", { class: "arrow", d: `M${x - a} ${y - b}L${x + a} ${y + b}${head}` });
  }
  const chart = (svg, width, y, ticks) => Svg.frame(svg, width, 190, {
    x: [0, LENGTH], y, ticks: [[0, 16, 32].map((t) => [t, String(t)]), ticks.map((v) => [v, String(v)])], label: "time",
  });
  const overTime = (what) => (svg, width, run) => {
    const frame = what === 1 ? chart(svg, width, [0, TOP], [0, 0.5, 1, 1.5]) : chart(svg, width, [-1, 1.4], [-1, 0, 1]);
    const offset = ([p, w2]) => w2 - p * p / run.rates.alpha;
    [run.path, run.second].forEach((way, m) => {
      const value = what === 1 ? (one) => one[1] : (_, t) => offset(way[0]) * Math.exp(-0.2 * run.rates.eta * t);
      Svg.add(svg, "path", { class: `curve second${m ? "" : " solid"}`, d: frame.line(way.map((one, t) => [t / 10, value(one, t)])) });
    });
    const dots = run.modes.flatMap((at, t) => at.map((mode, m) => {
      const cy = frame.py(Math.max(-1, Math.min(TOP, mode[what]))), cx = frame.px(t * STRIDE);
      return [t, Svg.add(svg, "circle", { cx, cy, r: 3, class: m ? "ring first" : "spot first" })];
    }));
    const now = Svg.add(svg, "path", { class: "now" });
    const update = (time) => {
      now.setAttribute("d", `M${frame.px(index(time) / 10)} ${frame.top}V${frame.floor}`);
      dots.forEach(([t, dot]) => dot.setAttribute("visibility", 100 * t * STRIDE <= time * LENGTH ? "visible" : "hidden"));
    };
    return Object.assign(update, { pick: (px, py) => ({ time: (100 * frame.at(px, py)[0]) / LENGTH }) });
  };
  function words({ p, w2, rates, fixed, lives, gap, modes, setting }) {
    const where = fixed.length
      ? `fixed points p- = ${fixed[0].toFixed(3)} and p+ = ${fixed[1].toFixed(3)}` : "no fixed point but zero";
    const target = rates.beta === null ? "target: a copy" : `target rate β = ${rates.beta}`;
    const short = modes.length * STRIDE < LENGTH ? " The steps were too large: training left all bounds, and stopped." : "";
    const offsets = [modes[0], modes.at(-1)].map((at) => at[0][2].toFixed(3));
    return `A start at p = ${two(p)}, w² = ${two(w2)} ${lives ? "survives" : "dies"}. Weight decay η = ${two(rates.eta)}, ` +
      `threshold ${PlaneEngine.threshold(rates.noise).toFixed(3)}: ${where} (α = ${rates.alpha}, σ² = ${rates.noise}, ` +
      `${target}). Training, ${setting.join(", ") || "aligned start"}: trained and predicted w² differ by at most ` +
      `${gap.toFixed(3)}. In training w² - p²/α goes from ${offsets[0]} to ${offsets[1]}.${short}`;
  }
  const key = {
    "edge-of-basin": "separatrix: starts below it die", first: "path of this start; dots: trained",
    "second solid": "w² = p²/α; right: predicted", second: "w² = p²/α + γ; right: second mode",
  };
  return {
    compute, words, key,
    note: "Drag the start in the plane, or move p and w². The open circle is p-, the full one p+. Dots are trained in gradient steps of 0.1 (0.8: large steps), lines are predicted.",
    figures: [
      ["plane", "the plane of one mode", plane], ["", "w² of two modes", overTime(1)],
      ["", "w² - p²/α of both", overTime(2)],
    ],
  };
})();
