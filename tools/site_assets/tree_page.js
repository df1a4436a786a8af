"use strict";
// The tree explorer of a page: settings, the run of two networks in lock step (with q as set, and with q = 0), and the
// link that carries the settings. engine.js trains, tree_view.js draws.
const POINTS = 1000, PLAY = 8000, SLICE = 14, LOOKS = 250;  // points measured; ms of Play; ms of steps a frame; looks
const STRENGTHS = [0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];  // trained side by side
const LIVE = ["strength", "loss", "temperature", "learning_rate"];  // these change a run in progress
const PCA = ["pca", "first principal component of the leaves"];
const calm = matchMedia("(prefers-reduced-motion: reduce)");

// Both networks start with the same weights and see the same points; streams 0 to 5 of the seed belong to the tree, the
// weights, the points to measure on, the training, and the two views that are shown.
function newRuns(settings, strengths = []) {
  const stream = (k) => Engine.generator(settings.seed, k), free = settings.departure === "free outputs";
  const tree = Engine.randomTree(settings.depth, settings.polarity.split(" to ").map(Number), stream(0));
  const shapes = (settings.wiring === "dense" ? Engine.denseShapes : Engine.treeShapes)(settings.depth, settings.neurons);
  const own = { normalise: !free, scale: free ? 1 : 0.2, bias: settings.departure === "biases" };
  const net = () => Engine.network(shapes, { ...own, uniform: stream(1) });
  const batch = settings.departure === "batch of 8" ? 8 : 128;
  const run = (q) => adjust({ tree, q, batch, net: net(), uniform: stream(3) }, settings);
  const [pair, beside] = [[settings.strength, 0], strengths].map((list) => list.map(run));
  return { tree, pair, beside, points: Engine.sample(tree, POINTS, stream(2)), step: 0 };
}
function adjust(run, settings) {
  return Object.assign(run, { loss: settings.loss, temperature: settings.temperature, learningRate: settings.learning_rate });
}
// For each run the |correlations| of every latent's neurons, and the best of them.
function measured({ points }, list) {
  const neurons = list.map((run) => Engine.correlations(run.net, points, POINTS).flat());
  return { neurons, best: neurons.map((of) => of.map((values) => values.reduce((a, b) => Math.max(a, b)))) };
}

// Which nodes both views of one point keep: the uniforms of `Engine.augment`, of which every other one decides it.
function keptInBoth({ polarity }, q, ...streams) {
  const rows = [[true]];
  for (const edges of [...polarity].reverse())
    rows.unshift(Array.from(edges, (_, k) => {
      const stays = streams.map((uniform) => [uniform() >= q, uniform()][0]);
      return rows[0][k >> 1] && stays.every(Boolean);
    }));
  return rows;
}

function treePage(section) {
  const $ = (selector) => section.querySelector(selector), all = (selector) => [...section.querySelectorAll(selector)];
  const controls = Object.fromEntries(all("[data-setting]").map((control) => [control.dataset.setting, control]));
  const start = JSON.parse($("script").textContent).start, settings = { ...start };
  const number = Number(section.dataset.number), play = $(".play"), chooser = $("[id$=-node]"), curves = $("[id$=-curves]"), words = $(".words"), said = $(".said");
  let runs, ceilings, component, first, last, kept, trace, before = null, changes, stopped, views, curve, bars;
  let playing = false, clock = 0, since = 0, seen = 0, spoken = 0, painted = 0, wanted = 0, due = "", chosen = null;
  let world = "";

  // ---- controls and link ------------------------------------------------------------------------------------------
  function showControls() {
    for (const [name, control] of Object.entries(controls)) {
      const value = settings[name], log = control.dataset.kind === "log";
      control.value = log ? Math.log10(value) : value;
      const output = control.parentElement.querySelector("output");
      if (output) output.value = Link.brief(value);
      if (control.type === "range") control.setAttribute("aria-valuetext", Link.brief(value));
    }
    controls.temperature.disabled = settings.loss === "L_simp";
    for (const button of all("[data-preset]")) {
      const preset = Object.entries(JSON.parse(button.dataset.preset));
      button.setAttribute("aria-pressed", preset.every(([name, value]) => settings[name] === value));
    }
  }
  function change(values, told = "") {
    const moved = Object.keys(values).filter((name) => settings[name] !== values[name]);
    Object.assign(settings, values);
    said.textContent = told;
    showControls();
    if (!moved.length) return;
    const live = moved.every((name) => LIVE.includes(name)) && runs && !over();
    if (live && runs.step && changes[changes.length - 1] !== runs.step) changes.push(runs.step);
    if (!live) restart();
    else if (due !== "rebuild") due = "adjust";
    clearTimeout(write.timer);
    write.timer = setTimeout(write, 300);
    wake();
  }
  function restart() {
    [due, playing, wanted] = ["rebuild", false, 0];
    wake();
  }
  function write() {
    history.replaceState(null, "", Link.fragment(settings, start, number));
  }
  function follow() {
    const found = Link.follow(location.hash.slice(1), controls, start, number);
    if (!found) return;
    section.classList.toggle("alone", single || found.alone);
    change({ ...start, ...found.values }, found.told);
    due ||= "layout";
    wake();
    if (parent === window) section.scrollIntoView();
  }

  // ---- the run ----------------------------------------------------------------------------------------------------
  const single = section.classList.contains("alone");
  const alone = () => section.classList.contains("alone");
  const overQ = () => curves.value === "strengths";
  const budget = () => Number(settings.budget), over = () => stopped || runs.step >= budget();
  function rebuild() {
    if (trace && trace.length > 1 && runs.tree.polarity.length === settings.depth)
      before = { trace: trace.map(({ step, best }) => [step, best[0]]), q: runs.pair[0].q };
    else if (runs && runs.tree.polarity.length !== settings.depth) before = null;
    runs = newRuns(settings, overQ() ? STRENGTHS : []);
    const told = [settings.depth, settings.polarity, settings.seed].join();
    if (told !== world) {
      world = told;
      ceilings = Bounds.ceilings(runs.tree).flatMap((level) => Array.from(level));
      component = Bounds.principal(runs.tree);
    }
    if (chooser.options.length !== ceilings.length) {
      const names = TreeView.latents(settings.depth).map((latent) => TreeView.nodeName(latent, settings.depth));
      chooser.replaceChildren(...names.map((name, z) => new Option(name, z)).reverse());
      chosen = ceilings.length - 1;
    }
    [trace, changes, stopped, clock, since] = [[], [], "", 0, 0];
    look();
    first = last;
    layout();
  }
  function look() {
    last = measured(runs, runs.pair);
    trace.push({ step: runs.step, best: last.best });
  }
  function layout() {
    const room = (svg) => Math.max(240, Math.floor(svg.parentElement.clientWidth));
    const choose = (z) => { chosen = z; paint(); };
    const trees = all(".trees svg");
    views = trees.map((svg) => TreeView.treePicture(svg, runs.tree, room(svg), choose));
    const across = overQ() ? [1, "augmentation q"] : [budget(), "training steps"];
    curve = TreeView.curvePicture($(".curve svg"), room($(".curve svg")), ...across);
    bars = TreeView.neuronPicture($(".neurons svg"), room($(".neurons svg")));
    showViews();
    paint();
  }
  function showViews() {  // the same uniforms at every q: as q grows, leaf after leaf is drawn again
    const stream = (k) => Engine.generator(settings.seed, k), point = Engine.sample(runs.tree, 1, stream(4));
    const view = (q, k) => Engine.augment(runs.tree, point, 1, q, stream(k))[0];
    kept = runs.pair.map(({ q }) => keptInBoth(runs.tree, q, stream(5), stream(6)));
    runs.pair.forEach(({ q }, side) => views[side].views(point[0], [view(q, 5), view(q, 6)], kept[side]));
  }
  const share = (look, side, z = chosen) => TreeView.percent(look.best[side][z] / ceilings[z]);
  function viewsOf(side) {
    const { q } = runs.pair[side], told = `${q ? "Views that differ" : "Equal views"}, q = ${Link.brief(q)}`;
    return since && !side ? `${told} since step ${since}` : told;
  }
  function paint() {
    painted = runs.step;
    chooser.value = chosen;
    views.forEach((view, side) => view.update(last.best[side], first.best[side], ceilings, chosen));
    const root = chosen === ceilings.length - 1;
    drawCurves(root);
    bars.update(last.neurons[0][chosen], last.neurons[1][chosen], ceilings[chosen]);
    const name = chooser.selectedOptions[0].textContent;
    all(".trees figcaption").forEach((caption, side) => {
      const now = runs.step ? ` → ${share(last, side)}` : "";
      caption.textContent = `${viewsOf(side)} · ${name} ${share(first, side)}${now} % of its ceiling`;
    });
    $(".curve span").textContent = `· step ${runs.step}`;
    play.textContent = playing ? "Pause" : over() ? "Play again" : runs.step ? "Go on" : "Play";
  }
  // |correlation| of the best neuron with the chosen circle, over steps or q, or its mean over each level with q as set.
  function drawCurves(root) {
    if (overQ()) {
      if (!runs.found || runs.step === 0 || !playing || runs.step - runs.found.step >= budget() / 25)
        runs.found = { step: runs.step, best: measured(runs, runs.beside).best };
      const after = runs.found.best.map((best, k) => [STRENGTHS[k], best[chosen]]), was = first.best[0][chosen];
      const flat = { before: [[0, was], [1, was]], ceiling: ceilings[chosen], pca: root ? component : null };
      curve.update({ set: after, zero: [], ...flat, changes: [runs.pair[0].q], means: [] });
      const told = [["set", `after ${runs.found.step} steps, ${STRENGTHS.length} networks`], ["before", "before training"]];
      return legend([...told, ["ceiling", "ceiling (Bayes)"], ...(root ? [PCA] : [])]);
    }
    if (curves.value === "levels") {
      const latents = TreeView.latents(settings.depth), levels = runs.tree.polarity.map((_, l) => l + 1);
      const sum = (best, level) => best.reduce((part, value, z) => part + (latents[z].level === level ? value : 0), 0);
      const mean = (best, level) => sum(best, level) / 2 ** (settings.depth - level);
      const means = levels.map((level) => trace.map(({ step, best }) => [step, mean(best[0], level)]));
      curve.update({ set: [], zero: [], before: [], ceiling: null, pca: null, changes, means });
      legend(levels.map((level) => [`level l${level}`, level === settings.depth ? "root" : `level ${level}`]));
      return;
    }
    const of = (side) => trace.map(({ step, best }) => [step, best[side][chosen]]);
    const ghost = before ? before.trace.map(([step, best]) => [step, best[chosen]]) : [];
    curve.update({
      set: of(0), zero: alone() ? [] : of(1), before: ghost, ceiling: ceilings[chosen], pca: root ? component : null, changes, means: [],
    });
    const entries = [["set", `q = ${Link.brief(runs.pair[0].q)}`], ...(alone() ? [] : [["zero", "q = 0"]])];
    entries.push(["ceiling", "ceiling (Bayes)"]);
    if (root) entries.push(PCA);
    if (before) entries.push(["before", `run before (q = ${Link.brief(before.q)})`]);
    legend(entries);
  }
  function legend(entries) {
    const told = JSON.stringify(entries), key = $(".key");
    if (key.dataset.told === told) return;
    key.dataset.told = told;
    key.innerHTML = entries.map(([name, text]) => Svg.key(name, text)).join("");
  }
  function speak() {
    const root = ceilings.length - 1, two = (value) => value.toFixed(2), best = (look, side) => two(look.best[side][root]);
    const both = kept[0].slice(1, -1).flat().filter(Boolean).length, [set, zero] = [0, 1].map((k) => viewsOf(k).toLowerCase());
    const told = runs.step
      ? `After ${runs.step} step${runs.step > 1 ? "s" : ""} of ${budget()}: the best neuron of the root went from ` +
        `${share(first, 0, root)} to ${share(last, 0, root)} % of its ceiling with ${set}` +
        `${alone() ? "" : `, and to ${share(last, 1, root)} % with ${zero}`}. ` +
        `Its |correlation|: ${best(first, 0)}, then ${best(last, 0)}${alone() ? "" : ` and ${best(last, 1)}`}.`
      : `Before training, ${set}: of the ${root} hidden causes below the root both views of the point keep ${both}. ` +
        `The best neuron of the root is at ${share(first, 0, root)} % of its ceiling, |correlation| ${best(first, 0)}.`;
    const bounds = `The ceiling is ${two(ceilings[root])}; the first principal component of the leaves reaches`;
    const text = `${told} ${bounds} ${two(component)}.${stopped}`;
    if (words.textContent !== text) words.textContent = text;
    for (const svg of all("svg[role]")) {
      const caption = svg.previousElementSibling;
      const own = caption.querySelector("label") ? `${caption.querySelector("label").textContent}: ${text}` : "";
      svg.setAttribute("aria-label", own || caption.textContent);
    }
    spoken = performance.now();
  }
  function advance() {
    for (const run of [...runs.pair, ...runs.beside]) {
      if (Engine.step(run)) continue;
      stopped = ` Training stopped at step ${runs.step}: the numbers overflowed. ` +
        "The picture shows the last good state; choose a lower learning rate and start again.";
      return;
    }
    runs.step += 1;
    if (runs.step % Math.max(1, Math.round(budget() / LOOKS)) === 0) look();
  }

  // ---- frames: events only say what is due; here it is done, once for any number of them ----------------------------
  let asked = false;
  function wake() {
    if (!asked) requestAnimationFrame(frame);
    asked = true;
  }
  function settle() {
    if (due === "rebuild") rebuild();
    if (due === "layout") layout();
    if (due === "adjust") {
      [...runs.pair, ...runs.beside].forEach((run) => adjust(run, settings));
      if (runs.pair[0].q !== settings.strength) since = runs.step;
      runs.pair[0].q = settings.strength;
      showViews();
      paint();
    }
    due = "";
  }
  function frame(now) {
    asked = false;
    const idle = due !== "" || !playing, begin = performance.now();
    settle();
    if (playing && over()) rebuild();
    const looks = trace.length, goal = playing ? Math.min(1, (clock + now - seen) / PLAY) * budget() : 0;
    while (!over() && (wanted > 0 || runs.step < goal) && performance.now() - begin < SLICE) {
      advance();
      wanted = Math.max(0, wanted - 1);
    }
    if (playing) clock = (Math.min(goal, runs.step + 1) / budget()) * PLAY;  // missed time is not made up
    if (over()) [playing, wanted] = [false, 0];
    if (!playing && trace[trace.length - 1].step !== runs.step && !stopped) look();
    const still = calm.matches && playing && runs.step - painted < budget() / 5;
    if (!playing || (trace.length !== looks && !still)) paint();
    if (playing || wanted) wake();
    seen = now;
    if (idle || !playing || begin - spoken > 2500) speak();
  }

  // ---- events -----------------------------------------------------------------------------------------------------
  for (const [name, control] of Object.entries(controls)) {
    if (control.type === "range") {
      const { kind, low, high } = control.dataset, log = kind === "log";
      const ends = log ? [Math.log10(low), Math.log10(high)] : [low, high];
      [control.min, control.max, control.step] = [...ends, kind === "whole" ? 1 : log ? 0.02 : 0.01];
    }
    control.addEventListener(control.type === "range" ? "input" : "change", () => {
      const text = control.dataset.kind === "log" ? String(Number((10 ** control.value).toPrecision(2))) : control.value;
      const [value, wrong] = Link.read(control, text, start[name]);
      change({ [name]: value ?? settings[name] }, wrong && `${control.labels[0].textContent}: ${wrong}.`);
    });
  }
  for (const button of all("[data-preset]"))
    button.addEventListener("click", () => {
      restart();
      change(JSON.parse(button.dataset.preset));
      [playing, seen] = [true, performance.now()];
    });
  play.addEventListener("click", () => {
    [playing, wanted, seen] = [!playing, 0, performance.now()];
    wake();
  });
  $(".step").addEventListener("click", () => {
    [playing, wanted] = [false, wanted + 1];
    wake();
  });
  $(".reset").addEventListener("click", restart);
  chooser.addEventListener("change", () => { chosen = Number(chooser.value); paint(); });
  curves.addEventListener("change", () => {
    if (overQ() && !runs.beside.length) return restart();
    due ||= "layout";
    wake();
  });
  Svg.onWidth(section, () => {
    due ||= "layout";
    wake();
  });
  addEventListener("hashchange", follow);
  follow();
  showControls();
  rebuild();  // at once, so that an early click finds a run
  [due, seen] = ["", performance.now()];
  speak();
  return start;
}

// A prediction about what becomes of the root without augmentation: when it is opened, this page trains the answer.
function answer(reveal, start) {
  const place = document.createElement("p"), runs = newRuns({ ...start, strength: 0 }), steps = 300;
  const root = () => measured(runs, runs.pair).best[1].at(-1), from = root();
  reveal.append(place);
  place.setAttribute("role", "status");
  place.textContent = "This page is training it now.";
  const slice = () => {
    for (const end = performance.now() + SLICE; runs.step < steps && performance.now() < end; runs.step++)
      Engine.step(runs.pair[1]);
    if (runs.step < steps) return void requestAnimationFrame(slice);
    const to = root(), what = to > from + 0.05 ? "it rises" : to < from - 0.05 ? "it falls" : "it stays";
    place.textContent = `Trained in this page just now, q = 0, ${steps} steps, another draw: ` +
      `|correlation| with the root from ${from.toFixed(2)} to ${to.toFixed(2)}; ${what}.`;
  };
  requestAnimationFrame(slice);
}

const starts = Array.from(document.querySelectorAll(".tree:not(.live)"), treePage);
for (const reveal of document.querySelectorAll(".reveal")) {
  const question = document.getElementById(reveal.dataset.question);
  if (["rises", "stays", "falls"].every((key) => question.querySelector(`input[value="${key}"]`)))
    reveal.addEventListener("toggle", () => answer(reveal, starts[0]), { once: true });
}
