// The front end of two_trees.py: controls, two trees, a curve and the neurons of a circle, in a shadow root of its own.
const PLAY = 8000, GAP = 41, LOW = 150;  // ms of Play; pixels between two levels, and of a low picture
const HOST = `:host { font: 15px/1.5 system-ui, sans-serif;
  --ink: var(--jp-ui-font-color1, #1d1d1f); --soft: var(--jp-ui-font-color2, #55555c);
  --line: var(--jp-border-color1, #c9c9cf); --paper: var(--jp-layout-color0, #fff);
  --blue: #0b5394; --rim: #6d6d75; }
.tree { color: var(--ink); container-type: inline-size; } .top { display: flex; flex-wrap: wrap; gap: .5rem 1.2rem; }
button, select { font: inherit; } button { padding: .2rem .8rem; border-radius: 4px; border: 1px solid var(--rim);
  background: var(--paper); color: var(--ink); cursor: pointer; } .tree .play { color: #fff; }
:focus-visible { outline: 3px solid #b34700; outline-offset: 2px; } label { display: flex; gap: .5rem; align-items: center; }
input { width: 14rem; max-width: 45cqw; } output { min-width: 2.2em; font-variant-numeric: tabular-nums; }
.words { font-size: .9rem; } .tree .words { min-height: 0; }
@container (max-width: 700px) { .trees, .beside { grid-template-columns: 1fr; } }
.tree { --gain: #0072b2; --loss: #c24e00; --known: #85858d; --track: #e3e3e8; }
.tree.dark { --gain: #4fb0ee; --loss: #ff9a52; --known: #8f8f98; --track: #3a3a42; }`;
const BODY = `<div class="top"><span class="buttons"><button class="play">Play</button>
<button class="step">10 steps</button><button class="reset">Start again</button></span>
<label>augmentation q <input type="range" min="0" max="1" step="0.05"><output></output></label></div>
<div class="trees"><figure><figcaption></figcaption><svg role="img"></svg></figure>
<figure><figcaption></figcaption><svg role="img"></svg></figure></div>
<div class="beside"><figure class="curve"><figcaption></figcaption><svg role="img"></svg><ul class="key"></ul></figure>
<figure class="neurons"><figcaption><label>Neurons of <select></select></label></figcaption><svg role="img"></svg></figure>
</div><p class="words" role="status"></p><p class="note">A ring is full, and its number 100 %, where the best neuron of a circle
knows its cause as well as the leaves below allow. Grey: known before training; blue: gained; orange and thin: lost. Dark edge:
both views of the point keep the cause below it. Click a circle for its curve and its neurons: bars for the first tree, dots for
q = 0.</p>`;

function render({ model, el }) {
  const shadow = el.attachShadow({ mode: "open" }), sheet = new CSSStyleSheet();
  sheet.replaceSync(model.get("look") + HOST);
  shadow.adoptedStyleSheets = [sheet];
  el.dataset.lmSuppressShortcuts = "true";  // keys are for the slider, not for JupyterLab's commands
  const section = document.createElement("section"), $ = (selector) => section.querySelector(selector);
  section.className = document.body.dataset.jpThemeLight === "false" ? "tree dark" : "tree";
  section.setAttribute("aria-label", "explorer: two networks in lock step");
  section.innerHTML = BODY;
  shadow.append(section);
  const [play, slider, chooser] = [$(".play"), $("input"), $("select")], figures = [...section.querySelectorAll(".trees figure")];
  let playing = false, begun = 0, from = 0, chosen = null, trees, curve, bars;
  const now = () => model.get("now"), world = () => model.get("world"), ceilings = () => world().ceilings;

  function layout() {
    const room = (place) => Math.max(240, Math.floor(place.clientWidth)), { polarity, budget } = world();
    const names = TreeView.latents(polarity.length).map((latent) => TreeView.nodeName(latent, polarity.length));
    if (chooser.options.length !== names.length) {
      chooser.replaceChildren(...names.map((name, z) => new Option(name, z)).reverse());
      chosen = names.length - 1;
    }
    const choose = (z) => { chosen = z; paint(); };
    trees = figures.map((figure) => TreeView.treePicture(figure.querySelector("svg"), { polarity }, room(figure), choose, GAP));
    curve = TreeView.curvePicture($(".curve svg"), room($(".curve")), budget, "training steps", LOW);
    bars = TreeView.neuronPicture($(".neurons svg"), room($(".neurons")), LOW);
    paint();
  }
  function paint() {
    const { q, step, over, point, sides, steps, changes } = now(), bounds = ceilings();
    if (over) playing = false;
    const share = (values) => TreeView.percent(values[chosen] / bounds[chosen]);
    chooser.value = chosen;
    const name = chooser.selectedOptions[0].textContent;
    sides.forEach(({ views, kept, trace }, side) => {
      trees[side].update(trace.at(-1), trace[0], bounds, chosen);
      trees[side].views(point, views, kept);
      const which = side ? "q = 0, equal views" : `q = ${q}`;
      const moved = step ? ` → ${share(trace.at(-1))}` : "";
      figures[side].querySelector("figcaption").textContent = `${which} · ${name}: ${share(trace[0])}${moved} %`;
      figures[side].querySelector("svg").setAttribute("aria-label", `${which}. ${model.get("words")}`);
    });
    const of = (side) => sides[side].trace.map((values, k) => [steps[k], values[chosen]]);
    curve.update({ set: of(0), zero: of(1), before: [], ceiling: bounds[chosen], pca: null, changes, means: [] });
    $(".curve figcaption").textContent = `${name}: best |correlation| · step ${step}`;
    $(".key").innerHTML =
      Svg.key("set", `q = ${q}`) + Svg.key("zero", "q = 0") + Svg.key("ceiling", "ceiling (Bayes)");
    bars.update(sides[0].neurons[chosen], sides[1].neurons[chosen], bounds[chosen]);
    play.textContent = playing ? "Pause" : over ? "Play again" : step ? "Go on" : "Play";
    if (document.activeElement !== el || shadow.activeElement !== slider) slider.value = q;
    $("output").value = q;
    if (!playing) $(".words").textContent = model.get("words");  // a screen reader hears the end, not each frame
  }
  function ask() {
    if (!playing || !section.isConnected) return;
    const goal = from + ((performance.now() - begun) / PLAY) * world().budget;
    model.send({ steps: Math.max(1, Math.round(goal) - now().step) });
  }
  function start() {
    [playing, begun, from] = [true, performance.now(), now().over ? 0 : now().step];
    if (now().over) model.send({ again: true });
    else ask();
    paint();
  }
  play.addEventListener("click", () => { if (playing) { playing = false; paint(); } else start(); });
  $(".step").addEventListener("click", () => { playing = false; model.send({ steps: 10 }); });
  $(".reset").addEventListener("click", () => { playing = false; model.send({ again: true }); });
  slider.addEventListener("input", () => { $("output").value = slider.value; model.send({ q: Number(slider.value) }); });
  chooser.addEventListener("change", () => { chosen = Number(chooser.value); paint(); });
  const heard = () => { paint(); if (playing) requestAnimationFrame(ask); };
  model.on("change:world", layout);
  model.on("change:now", heard);
  const watch = Svg.onWidth(section, layout);
  return () => { playing = false; watch.disconnect(); model.off("change:world", layout); model.off("change:now", heard); };
}
export default { render };
