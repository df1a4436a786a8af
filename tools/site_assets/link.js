"use strict";
// The settings of an explorer as the fragment of an address, such as #v=1&q=0.3&seed=2. A fragment without "=" is a
// heading of the page. On a page with several explorers explorer=2 says which; without it, it is the first that is
// computed in the page. only=2 shows that one alone (player.js), for a page of somebody else; alone=1 shows the first of
// two trees alone.
const Link = (() => {
  const VERSION = 1;
  const SHORT = { strength: "q", temperature: "tau", learning_rate: "lr", budget: "steps" };
  const key = (name) => SHORT[name] ?? name;
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
  const asked = (name) => new URLSearchParams(location.hash.slice(1)).get(name);
  const first = () => Number(document.querySelector("[data-number]").dataset.number);
  function wanted() {
    const number = Number(asked("explorer") ?? asked("only") ?? first()), there = `[data-number="${number}"], #player-${number}`;
    return Number.isInteger(number) && document.querySelector(there) ? number : first();
  }
  function fragment(settings, start, number) {
    const told = Object.keys(start).filter((name) => settings[name] !== start[name]);
    const pairs = told.map((name) => `${key(name)}=${encodeURIComponent(brief(settings[name]))}`);
    const which = asked("only") ? [`only=${asked("only")}`] : number !== first() ? [`explorer=${number}`] : [];
    return [`#v=${VERSION}`, ...which, ...pairs].join("&");
  }
  // The settings in a fragment, and in words what could not be followed; null if it is no link to this explorer.
  function follow(text, controls, start, number) {
    if (!text.includes("=") || wanted() !== number) return null;
    const values = {}, odd = [], unknown = [], names = new Map(Object.keys(controls).map((name) => [key(name), name]));
    for (const [short, told] of new URLSearchParams(text)) {
      const name = names.get(short);
      if (name) {
        const [value, wrong] = read(controls[name], told, start[name]);
        if (value !== null) values[name] = value;
        if (wrong) odd.push(`${controls[name].labels[0].textContent}: ${wrong}`);
      } else if (!["v", "explorer", "only", "alone"].includes(short)) unknown.push(short.slice(0, 20));
      else if (short === "v" && Number(told) !== VERSION)
        odd.push(`it is of version ${quoted(told)}, this page reads version ${VERSION}`);
    }
    const which = asked("explorer");
    if (which && Number(which) !== number) odd.push(`this page has no explorer ${quoted(which)}`);
    if (unknown.length) odd.push(`this page knows no setting called ${unknown.slice(0, 3).join(", ")}`);
    return { values, alone: asked("alone") === "1", told: odd.length ? `The link was followed in part: ${odd.join("; ")}.` : "" };
  }
  return { brief, read, fragment, follow };
})();
