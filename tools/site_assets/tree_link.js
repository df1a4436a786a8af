"use strict";
// The settings of the tree explorer as the fragment of an address, such as #v=1&q=0.3&seed=2. A fragment without "=" is
// a heading of the page.
const TreeLink = (() => {
  const VERSION = 1;
  const KEYS = {
    q: "strength", depth: "depth", neurons: "neurons", polarity: "polarity", wiring: "wiring", loss: "loss",
    tau: "temperature", lr: "learning_rate", departure: "departure", steps: "budget", seed: "seed",
  };
  const brief = (value) => (typeof value === "number" ? String(Number(value.toPrecision(4))) : value);
  const quoted = (text) => `“${text.slice(0, 20)}”`;

  // What a text means for a control: [value or null, what was wrong with it]. The value has the type of `like`.
  function read(control, text, like) {
    if (control.options) {
      if (![...control.options].some((option) => option.value === text))
        return [null, `${quoted(text)} is not among its choices`];
      return [typeof like === "number" ? Number(text) : text, ""];
    }
    const value = text.trim() === "" ? NaN : Number(text), { low, high, kind } = control.dataset;
    if (!Number.isFinite(value)) return [null, `${quoted(text)} is not a number`];
    const inside = Math.min(Number(high), Math.max(Number(low), kind === "whole" ? Math.round(value) : value));
    return [inside, inside === value ? "" : `${value} became ${inside}`];
  }
  // The settings that differ from those the page starts with.
  function fragment(settings, start) {
    const told = Object.entries(KEYS).filter(([, name]) => settings[name] !== start[name]);
    const pairs = told.map(([key, name]) => `${key}=${encodeURIComponent(brief(settings[name]))}`);
    return [`#v=${VERSION}`, ...pairs].join("&");
  }
  // The settings in a fragment, and in words what could not be followed; null if it is no link of ours.
  function follow(text, controls, start) {
    if (!text.includes("=")) return null;
    const values = {}, odd = [], unknown = [];
    for (const [key, told] of new URLSearchParams(text)) {
      const name = Object.hasOwn(KEYS, key) ? KEYS[key] : null;
      if (name) {
        const [value, wrong] = read(controls[name], told, start[name]);
        if (value !== null) values[name] = value;
        if (wrong) odd.push(`${controls[name].labels[0].textContent}: ${wrong}`);
      } else if (key !== "v") unknown.push(key.slice(0, 20));
      else if (Number(told) !== VERSION)
        odd.push(`it is of version ${quoted(told)}, this page reads version ${VERSION}`);
    }
    if (unknown.length) odd.push(`this page knows no setting called ${unknown.slice(0, 3).join(", ")}`);
    return { values, told: odd.length ? `The link was followed in part: ${odd.join("; ")}.` : "" };
  }
  return { brief, read, fragment, follow };
})();
