"use strict";
// The columns of notebook 12 on a page: they merge, die, or span the top eigenvectors of C.
Views.grassmann = (() => {
  const SPAN = 24, DECADES = 11, COLOURS = ["c1", "c2", "c3", "c4"], degrees = (x) => (x * 180) / Math.PI;

  function compute({ columns, objective, spectrum, k, step_size, seed }, spectra) {
    const values = spectra[`${objective}, ${spectrum}`], tight = columns === "orthonormal", stepSize = Number(step_size);
    const uniform = Engine.generator(seed, 0), every = stepSize === 0.1 ? 4 : 1;
    const start = GrassmannEngine.orthonormalise(
      Array.from({ length: k }, () => Array.from(values, () => Engine.normal(uniform))));
    const steps = Math.round(SPAN / stepSize), rule = { stepSize, steps, orthonormal: tight, every };
    const theta = GrassmannEngine.takeSteps(values, start, rule), times = theta.map((_, t) => t * stepSize * every);
    const span = GrassmannEngine.spanFlow(values, start, times);
    const closed = tight ? span : GrassmannEngine.freeFlow(values, start, times);
    const top = start.map((_, j) => values.map((_v, i) => Number(i === j)));
    const reached = tight ? theta : theta.map(GrassmannEngine.orthonormalise);
    const angles = (list, other) => list.map((q, t) => GrassmannEngine.principalAngles(q, other(t)));
    const sizes = (list) => list.map((q) => GrassmannEngine.singularValues(q)
      .map((x) => Math.max(-DECADES, Math.min(DECADES, Math.log10(Math.max(1e-30, x))))));
    return {
      tight, times, theta, sizes: [theta, closed].map(sizes),
      angles: [angles(reached, () => top), angles(span, () => top)].map((list) => list.map((row) => row.map(degrees))),
      error: angles(reached, (t) => span[t]).map((row) => degrees(row.at(-1))),
    };
  }
  const index = ({ times }, time) => Math.round((time / 100) * (times.length - 1));
  const scaled = (columns) => {
    const longest = Math.max(1, ...columns.map((column) => Math.hypot(...column)));
    return columns.map((column) => column.map((x) => x / longest));
  };

  function plane(svg, width, run) {
    const size = Math.min(width, 320), ticks = [[-1, 0, 1], [-1, 0, 1]].map((list) => list.map((x) => [x, String(x)]));
    const frame = Svg.frame(svg, size, size, {
      x: [-1.12, 1.12], y: [-1.12, 1.12], ticks, label: "along eigenvector 1 (vertical: 2)",
    });
    const [x, y] = [frame.px(0), frame.py(0)];
    Svg.add(svg, "ellipse", { cx: x, cy: y, rx: frame.px(1) - x, ry: y - frame.py(1), class: "rim" });
    scaled(run.theta[0]).forEach((column, j) => Svg.add(svg, "circle", {
      cx: frame.px(column[0]), cy: frame.py(column[1]), r: 5, class: `ring ${COLOURS[j]}`,
    }));
    const arrows = run.theta[0].map((_, j) => [
      Svg.add(svg, "path", { class: `curve ${COLOURS[j]}` }), Svg.add(svg, "circle", { r: 6, class: `spot ${COLOURS[j]}` }),
    ]);
    return (time) => scaled(run.theta[index(run, time)]).forEach((column, j) => {
      const [a, b] = [frame.px(column[0]), frame.py(column[1])];
      arrows[j][0].setAttribute("d", `M${x} ${y}L${a} ${b}`);
      Svg.set(arrows[j][1], { cx: a, cy: b });
    });
  }
  const curves = (what, y, ticks) => (svg, width, run) => {
    const frame = Svg.frame(svg, width, Math.min(width, 320), {
      x: [0, SPAN], y, ticks: [[0, 12, 24].map((t) => [t, String(t)]), ticks], label: "time",
    });
    const [steps, closed] = run[what], few = Math.ceil(run.times.length / 40);
    const dots = [];
    for (const [j] of run.theta[0].entries()) {
      Svg.add(svg, "path", { class: "curve second", d: frame.line(closed.map((row, t) => [run.times[t], row[j]])) });
      steps.forEach((row, t) => t % few || dots.push([t, Svg.add(svg, "circle", {
        cx: frame.px(run.times[t]), cy: frame.py(row[j]), r: 2.6, class: "spot first",
      })]));
    }
    const now = Svg.add(svg, "path", { class: "now" });
    const update = (time) => {
      const end = index(run, time);
      now.setAttribute("d", `M${frame.px(run.times[end])} ${frame.top}V${frame.floor}`);
      dots.forEach(([t, dot]) => dot.setAttribute("visibility", t <= end ? "visible" : "hidden"));
    };
    return Object.assign(update, { pick: (px, py) => ({ time: (100 * frame.at(px, py)[0]) / SPAN }) });
  };
  function words(run, { columns, objective, spectrum, step_size, time }) {
    const t = index(run, time), k = run.theta[0].length, list = (row, digits) => row.map((x) => x.toPrecision(digits)).join(", ");
    const sizes = run.sizes[0][t].map((x) => 10 ** x), round = (row) => row.map((x) => x.toFixed(1)).join(", ");
    const filled = GrassmannEngine.participation(run.theta[t]).toFixed(2);
    return `Time ${run.times[t].toFixed(1)}, columns ${columns}, ${objective}, eigenvalues ${spectrum}, dt = ${step_size}. ` +
      `Participation ratio ${filled} of ${k} column${k > 1 ? "s" : ""}; span off the closed form by ` +
      `${run.error[t].toPrecision(2)}°. Singular values: ${list(sizes, 2)}. Angles to the top ${k} of the eigenvectors, ` +
      `in degrees: ${round(run.angles[0][t])}; closed form: ${round(run.angles[1][t])}.`;
  }
  const decades = [[-10, "10⁻¹⁰"], [-5, "10⁻⁵"], [0, "1"], [5, "10⁵"], [10, "10¹⁰"]];
  return {
    compute, words, key: { first: "steps", second: "closed form" },
    note: "Left: the columns in the plane of the two top eigenvectors of C, divided by the longest if that is longer than 1; open marks are the start. A click in the curves sets the time.",
    figures: [
      ["", "columns of Θ", plane], ["", "singular values of Θ", curves("sizes", [-DECADES, DECADES], decades)],
      ["", "angles to the top k, in degrees", curves("angles", [0, 93], [0, 30, 60, 90].map((a) => [a, String(a)]))],
    ],
  };
})();
