"use strict";
// The pictures of a training tree, drawn in SVG in units of CSS pixels, so that they are sharp at any density and no
// text shrinks on a narrow screen. A picture is built for a width; `update` then moves what changes.
const TreeView = (() => {
  const { set, add, blank } = Svg;
  const percent = (share) => Math.round(100 * share);
  // Latents in the order of the package: level 1 from left to right first, the root last.
  const latents = (depth) => Array.from({ length: depth }, (_, l) => l + 1)
    .flatMap((level) => Array.from({ length: 2 ** (depth - level) }, (_, k) => ({ level, k })));
  const nodeName = ({ level, k }, depth) =>
    level === depth ? "root" : `level ${level}, circle ${k + 1} of ${2 ** (depth - level)}`;

  // The tree above its leaves, and the two views of one point as rows of squares. Every circle has a ring, which is
  // full at the ceiling: `kept` is what was known before training and still is, `change` what was gained or lost.
  function treePicture(svg, { polarity }, width, choose, gap = width < 420 ? 46 : 54) {
    const depth = polarity.length, leaves = 2 ** depth, floor = 30 + depth * gap;
    blank(svg, width, floor + 84);
    const place = (level, k) => [((k + 0.5) * width) / 2 ** (depth - level), floor - level * gap];
    const edges = Array.from(polarity, (rho, level) => Array.from(rho, (r, k) => {
      const [x1, y1] = place(level, k), [x2, y2] = place(level + 1, k >> 1);
      const look = { class: r < 0 ? "edge flips" : "edge", "stroke-width": 0.5 + 2 * Math.abs(r) };
      return add(svg, "line", { x1, y1, x2, y2, ...look });
    }));
    const nodes = latents(depth).map((latent, z) => {
      const [cx, cy] = place(latent.level, latent.k), pitch = width / 2 ** (depth - latent.level);
      const r = Math.min(12 + 2.2 * latent.level, 0.45 * pitch), thick = r > 12 ? 4 : 3;
      const ring = { cx, cy, r: r - thick / 2, pathLength: 100 };
      const group = add(svg, "g", { class: "node" }), turned = { ...ring, transform: `rotate(-90 ${cx} ${cy})` };
      add(group, "circle", { cx, cy, r, class: "paper" });
      const lit = add(group, "circle", { cx, cy, r: r - thick, class: "lit" });
      add(group, "circle", { ...ring, class: "track", "stroke-width": thick });
      const kept = add(group, "circle", { ...turned, class: "kept", "stroke-width": thick });
      const change = add(group, "circle", { ...turned });
      const text = r > 12.5 ? add(group, "text", { x: cx, y: cy, class: "middle", dy: ".35em" }) : null;
      const title = add(group, "title");
      group.addEventListener("click", () => choose(z));
      return { group, lit, kept, change, text, title, thick, name: nodeName(latent, depth) };
    });
    const size = Math.min(11, (0.72 * width) / leaves);
    svg.classList.toggle("tiny", size < 7);
    const row = (y) => Array.from({ length: leaves }, (_, k) =>
      add(svg, "rect", { x: place(0, k)[0] - size / 2, y: y - size / 2, width: size, height: size }));
    const rows = [row(floor), row(floor + 40), row(floor + 76)];
    const labels = [add(svg, "text", { x: 0, y: floor + 27 }), add(svg, "text", { x: 0, y: floor + 63 })];
    return {
      update(values, start, ceilings, chosen) {
        nodes.forEach((node, z) => {
          const { group, lit, kept, change, text, title, thick, name } = node;
          const [now, was] = [values, start].map((list) => Math.min(1, list[z] / ceilings[z])), low = Math.min(now, was);
          const shown = [Math.round(400 * now), percent(now), was, z === chosen].join();
          if (node.shown === shown) return;  // a quarter of a per cent is not seen, and drawing takes time
          node.shown = shown;
          group.classList.toggle("chosen", z === chosen);
          set(lit, { "fill-opacity": (0.45 * Math.max(0, (now - 0.3) / 0.7) ** 2).toFixed(3) });
          set(kept, { "stroke-dasharray": `${100 * low} 200` });
          set(change, {
            "stroke-dasharray": `${100 * Math.abs(now - was)} 200`, "stroke-dashoffset": -100 * low,
            class: now < was ? "loss" : "gain", "stroke-width": now < was ? thick / 2 : thick,
          });
          if (text) text.textContent = percent(now);
          const before = `before training ${percent(was)} %`;
          title.textContent = `${name}: ${percent(now)} % of its ceiling ${ceilings[z].toFixed(2)}; ${before}`;
        });
      },
      views(point, views, kept) {  // kept[level][node]: whether both views keep it
        edges.forEach((row, level) => row.forEach((edge, k) => edge.classList.toggle("kept-edge", kept[level][k])));
        [point, ...views].forEach((bits, v) => rows[v].forEach((square, k) => {
          square.setAttribute("class", `${bits[k] ? "on" : "off"}${bits[k] !== point[k] ? " differs" : ""}`);
        }));
        views.forEach((bits, v) => {
          const count = bits.filter((bit, k) => bit !== point[k]).length;
          const told = count ? `differs from the point in ${count} of ${leaves} leaves` : "equal to the point";
          labels[v].textContent = `view ${v + 1}: ${told}`;
        });
      },
    };
  }

  // |correlation| against steps or q, up to `end`: a path for each of the names; a legend in words stands below.
  function curvePicture(svg, width, end, axis, height = 230) {
    const left = 30, right = width - 8, top = 10, floor = height - 38;
    blank(svg, width, height);
    const x = (step) => left + ((right - left) * step) / end, y = (value) => floor - (floor - top) * value;
    for (const value of [0, 0.5, 1]) {
      add(svg, "line", { x1: left, x2: right, y1: y(value), y2: y(value), class: value ? "grid" : "axis" });
      add(svg, "text", { x: left - 6, y: y(value), dy: ".35em", class: "end" }, value.toFixed(1));
    }
    ["start", "middle", "end"].forEach((side, k) =>
      add(svg, "text", { x: x((k * end) / 2), y: floor + 17, class: side }, String((k * end) / 2)));
    add(svg, "text", { x: (left + right) / 2, y: floor + 34, class: "middle" }, axis);
    const marks = add(svg, "path", { class: "mark" });
    const names = ["pca", "ceiling", "before", "zero", "set"];
    const paths = Object.fromEntries(names.map((name) => [name, add(svg, "path", { class: name })]));
    const levels = Array.from({ length: 6 }, (_, l) => add(svg, "path", { class: `level l${l + 1}` }));
    const flat = (value) => (value === null ? "" : `M${left} ${y(value)}H${right}`);
    const at = ([step, value]) => `${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
    const line = (points) => (points.length ? `M${points.map(at).join("L")}` : "");
    return {
      update({ set: now, zero, before, ceiling, pca, changes, means }) {
        const drawn = { set: line(now), zero: line(zero), before: line(before), ceiling: flat(ceiling), pca: flat(pca) };
        for (const [name, d] of Object.entries(drawn)) paths[name].setAttribute("d", d);
        levels.forEach((path, l) => path.setAttribute("d", means[l] ? line(means[l]) : ""));
        marks.setAttribute("d", changes.map((step) => `M${x(step).toFixed(1)} ${top}V${floor}`).join(""));
      },
    };
  }

  // The |correlation| of each neuron of one circle, the best first: bars for the settings, dots for q = 0.
  function neuronPicture(svg, width, height = 230) {
    const left = 30, floor = height - 38, top = 10, y = (value) => floor - (floor - top) * value;
    const most = 20;
    blank(svg, width, height);
    for (const value of [0, 0.5, 1]) {
      add(svg, "line", { x1: left, x2: width - 8, y1: y(value), y2: y(value), class: value ? "grid" : "axis" });
      add(svg, "text", { x: left - 6, y: y(value), dy: ".35em", class: "end" }, value.toFixed(1));
    }
    const words = add(svg, "text", { x: (left + width - 8) / 2, y: floor + 24, class: "middle" });
    const ceiling = add(svg, "path", { class: "ceiling" });
    const bars = Array.from({ length: most }, () => add(svg, "rect", { class: "bar" }));
    const dots = Array.from({ length: most }, () => add(svg, "circle", { class: "dot", r: 3.5 }));
    return {
      update(own, other, bound) {
        const sorted = [own, other].map((values) => Array.from(values).sort((a, b) => b - a).slice(0, most));
        const n = sorted[0].length, pitch = (width - 8 - left) / n, wide = Math.min(26, 0.7 * pitch);
        for (let k = 0; k < most; k++) {
          const at = left + (k + 0.5) * pitch, seen = k < n ? "" : " none";
          const value = sorted[0][k] ?? 0, dot = sorted[1][k] ?? 0;
          set(bars[k], { x: at - wide / 2, width: wide, y: y(value), height: floor - y(value), class: `bar${seen}` });
          set(dots[k], { cx: at, cy: y(dot), class: `dot${seen}` });
        }
        ceiling.setAttribute("d", `M${left} ${y(bound)}H${width - 8}`);
        const several = own.length > most ? `the best ${most} of ${own.length} neurons` : `${n} neurons, the best first`;
        words.textContent = own.length === 1 ? "one neuron" : several;
      },
    };
  }
  return { treePicture, curvePicture, neuronPicture, latents, nodeName, percent };
})();
