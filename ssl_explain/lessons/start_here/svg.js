"use strict";
// What all pictures of the pages share: elements of SVG in CSS pixels, and a frame with axes.
const Views = {};  // explorers that live_page.js runs: ring_view.js and others put themselves here, by name
const Svg = (() => {
  function set(element, attributes) {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }
  function add(parent, name, attributes = {}, words = "") {
    const made = set(document.createElementNS("http://www.w3.org/2000/svg", name), attributes);
    if (words) made.textContent = words;
    parent.append(made);
    return made;
  }
  function blank(svg, width, height) {
    svg.replaceChildren();
    set(svg, { width, height, viewBox: `0 0 ${width} ${height}` });
  }
  // A frame for curves: `x` and `y` hold [low, high], `ticks` the labelled places [[place, words], …] of both axes.
  // at(px, py) is the point of the data under a place in pixels.
  function frame(svg, width, height, { x, y, ticks, label, left = 44 }) {
    blank(svg, width, height);
    const right = width - 10, top = 8, floor = height - 40;
    const place = ([low, high], from, to) => (value) => from + ((to - from) * (value - low)) / (high - low);
    const [px, py] = [place(x, left, right), place(y, floor, top)];
    for (const [value, words] of ticks[1]) {
      add(svg, "line", { x1: left, x2: right, y1: py(value), y2: py(value), class: value === y[0] ? "axis" : "grid" });
      add(svg, "text", { x: left - 6, y: py(value), dy: ".35em", class: "end" }, words);
    }
    add(svg, "line", { x1: left, x2: right, y1: floor, y2: floor, class: "axis" });
    ticks[0].forEach(([value, words], k) => {
      const side = value === x[0] ? "start" : value === x[1] ? "end" : "middle";
      add(svg, "text", { x: px(value), y: floor + 17, class: side }, words);
    });
    add(svg, "text", { x: (left + right) / 2, y: floor + 35, class: "middle" }, label);
    const inside = (v) => Math.max(-1e4, Math.min(1e4, v)).toFixed(1);
    const line = (points) => points.map(([a, b], k) => `${k ? "L" : "M"}${inside(px(a))} ${inside(py(b))}`).join("");
    const back = ([low, high], from, to) => (pixel) => low + ((high - low) * (pixel - from)) / (to - from);
    const [ax, ay] = [back(x, left, right), back(y, floor, top)];
    return { px, py, line, top, floor, left, right, at: (a, b) => [ax(a), ay(b)] };
  }
  // Call redraw when the width of an element has changed, not while it is hidden.
  function onWidth(element, redraw) {
    let width = 0;
    const observer = new ResizeObserver(() => {
      if (!element.clientWidth || element.clientWidth === width) return;
      width = element.clientWidth;
      redraw();
    });
    observer.observe(element);
    return observer;
  }
  // An entry of a legend: a piece of the line that has this class, and its words, which are HTML.
  const key = (name, words) =>
    `<li><svg width="30" height="10" aria-hidden="true"><path class="${name}" d="M0 5H30"/></svg>${words}</li>`;
  return { set, add, blank, frame, onWidth, key };
})();
