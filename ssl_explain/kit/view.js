// The picture of an explorer in the browser; view.py is its other half. The kernel draws. This shows the frames as they
// come and confirms them, so that no more are on their way than it can show; it asks for a sharp frame once all is
// still, and tells the kernel how wide the picture is, and how dense the screen.

const STILL = 150; // ms without a frame
const READ = 250; // ms that words stand while frame follows frame: to lay them out costs as much as to draw
const WIDEST = 1560; // CSS pixels: 12 points are 27 of them, 1/40 of a screen of 1920 × 1080
const LOWEST = 200; // CSS pixels: no window is so low that the picture becomes smaller
const LATE = 200; // ms after which a click counts as answered: it may have changed nothing
const ROOM = 8; // CSS pixels around picture and words
const SETTLE = 80; // ms: a window that is being dragged is not reported at every pixel

const tell = (model, content) => {
  try {
    model.send(content);
  } catch {
    // The kernel has gone; the picture stays as it is.
  }
};

// The height that is seen at once: of the notebook, or of the window.
const visible = (node) =>
  Math.min(innerHeight, node.closest(".jp-WindowedPanel-outer, .jp-NotebookPanel-notebook")?.clientHeight ?? Infinity);

// The height of everything in the explorer but its picture, its words and an open drawer.
const others = (explorer, ...left) => {
  const parts = [...left, ...explorer.querySelectorAll(".ssl-more")];
  return parts.reduce((height, part) => height - part.offsetHeight, explorer.offsetHeight);
};

// Where the pointer is: the panel, and x and y in the units of its axes, kept within them.
const locate = (model, canvas, event) => {
  const box = canvas.getBoundingClientRect();
  const [u, v] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  const inside = ({ box: [left, top, right, bottom] }) => u >= left && u <= right && v >= top && v <= bottom;
  const panel = model.get("panels").find(inside);
  return panel && { panel, ...values(panel, u, v) };
};

const along = ([, low, high, scale], share) =>
  scale === "log" ? low * (high / low) ** share : low + (high - low) * share;

const values = (panel, u, v) => {
  const [left, top, right, bottom] = panel.box;
  const share = (value, from, to) => Math.min(1, Math.max(0, (value - from) / (to - from)));
  return { x: along(panel.x, share(u, left, right)), y: along(panel.y, share(v, bottom, top)) };
};

// A number as precise as one sees it: to a thousandth of a linear axis.
const plain = (value, [, low, high, scale]) => {
  const step = 10 ** Math.floor(Math.log10(Math.abs(high - low) / 500));
  return String(Number(scale === "log" ? value.toPrecision(3) : (Math.round(value / step) * step || 0).toPrecision(6)));
};

export default () => {
  const views = new Map(); // what shows the frame, and the width at which it does so
  let shown = -1; // the number of the frame that is seen
  let bitmap; // it
  let seen = -1; // the last number that was confirmed: every second one is, since each message costs
  let told = ""; // what it shows, in words
  let timer;
  let reported = "";
  let picks = 0; // clicks sent; the last one was sent then, and this frame or a later one answers it
  let [asked, answer] = [-Infinity, 0];
  let waiting; // the place of a drag that is not sent yet

  const confirm = (model, number, more) => {
    seen = number;
    tell(model, { seen, ...more });
  };

  const show = async (model) => {
    const number = model.get("number");
    const [bytes, words] = [model.get("frame"), model.get("words")];
    clearTimeout(timer);
    const next = await createImageBitmap(new Blob([bytes])).catch(() => undefined);
    if (next && number > shown) {
      bitmap?.close();
      [shown, bitmap, told] = [number, next, words];
      for (const draw of views.keys()) draw();
    }
    if (number - seen > 1) confirm(model, number);
    pick(model);
    clearTimeout(timer);
    timer = setTimeout(() => {
      for (const draw of views.keys()) draw(true);
      confirm(model, number, { rest: shown });
    }, STILL);
  };

  // A drag sends the newest place when the last one has been drawn, or is late.
  const pick = (model, place) => {
    if (place) waiting = place;
    const late = performance.now() - asked > LATE;
    if (!waiting || !(late || shown >= answer)) return;
    [asked, answer] = [performance.now(), shown + 1];
    tell(model, { pick: [++picks, waiting.panel.name, waiting.x, waiting.y] });
    waiting = undefined;
  };

  // Of several views of one explorer the widest counts.
  const report = (model) => {
    const widest = Math.max(0, ...views.values());
    const size = JSON.stringify([widest, devicePixelRatio]);
    if (!widest || size === reported) return;
    [reported, picks] = [size, 0];
    tell(model, { size: JSON.parse(size) });
  };

  return {
    initialize({ model, signal }) {
      const arrive = () => show(model);
      model.on("change:number", arrive);
      signal.addEventListener("abort", () => {
        model.off("change:number", arrive);
        clearTimeout(timer);
      });
      show(model);
    },

    render({ model, el, signal }) {
      const canvas = document.createElement("canvas");
      const words = document.createElement("div");
      canvas.className = "ssl-picture";
      canvas.setAttribute("role", "img");
      words.className = "ssl-words";
      const at = document.createElement("div");
      at.className = "ssl-at";
      at.hidden = true;
      at.setAttribute("aria-hidden", "true");
      el.classList.add("ssl-live");
      el.append(canvas, at, words);

      let said = -READ;
      const draw = (still) => {
        if (!bitmap) return;
        if (canvas.width !== bitmap.width || canvas.height !== bitmap.height)
          [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
        canvas.getContext("2d", { alpha: false }).drawImage(bitmap, 0, 0);
        canvas.dataset.frame = shown;
        canvas.setAttribute("aria-label", told);
        if (still || performance.now() - said > READ) say();
      };
      const say = () => {
        said = performance.now();
        const now = model.get("note") || told.replaceAll(" %", "\u00a0%");
        if (words.textContent !== now) words.textContent = now;
      };

      let settle;
      let [longest, broad] = [0, 0]; // the words at their longest: the picture does not grow and shrink with them
      const fit = () => {
        const room = el.clientWidth;
        if (!room) return;
        if (room !== broad) [longest, broad] = [0, room];
        const explorer = el.closest(".ssl-explain") ?? el;
        const [width, height] = model.get("shape");
        longest = Math.max(longest, words.offsetHeight);
        const tall = Math.max(LOWEST, visible(el) - others(explorer, canvas, words) - longest - ROOM);
        const wide = Math.floor(Math.min(room, WIDEST, (tall * width) / height));
        Object.assign(canvas.style, { width: `${wide}px`, height: `${Math.round((wide * height) / width)}px` });
        views.set(draw, wide);
        clearTimeout(settle);
        settle = setTimeout(() => report(model), reported ? SETTLE : 0);
      };
      const sizes = new ResizeObserver(fit);
      sizes.observe(el);
      // The explorer around it exists once this is in the page.
      requestAnimationFrame(() => {
        const explorer = el.closest(".ssl-explain");
        if (signal.aborted) return;
        if (explorer) sizes.observe(explorer);
        explorer?.querySelector(".ssl-said")?.append(words);
        fit();
      });

      let dragged; // the panel in which the pointer went down
      const follow = (event) => {
        const box = canvas.getBoundingClientRect();
        const share = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
        const place = dragged ? { panel: dragged, ...values(dragged, ...share) } : locate(model, canvas, event);
        at.hidden = !place;
        canvas.style.cursor = place?.panel.hint ? "crosshair" : "";
        if (!place) return undefined;
        const { x, y, hint } = place.panel;
        const read = `${x[0]} ${plain(place.x, x)}, ${y[0]} ${plain(place.y, y)}`;
        at.textContent = hint && !dragged ? `${read}: click or drag sets ${hint}` : read;
        const right = share[0] > 0.6;
        at.style.left = right ? "" : `${share[0] * box.width + 14}px`;
        at.style.right = right ? `${el.clientWidth - share[0] * box.width + 14}px` : "";
        at.style.top = `${Math.max(0, share[1] * box.height - 30)}px`;
        return place;
      };
      const drag = (event) => {
        const place = follow(event);
        if (dragged) pick(model, place);
      };
      const press = (event) => {
        const place = event.button === 0 && follow(event);
        if (!place?.panel.hint) return;
        dragged = place.panel;
        canvas.setPointerCapture(event.pointerId);
        event.preventDefault();
        pick(model, place);
      };
      const release = () => {
        dragged = undefined;
        setTimeout(() => pick(model), LATE + 10); // what is still waiting, if no frame has come
      };
      const leave = () => {
        at.hidden = true;
      };
      const hands = { pointermove: drag, pointerdown: press, pointerup: release, pointercancel: release };
      for (const [name, act] of Object.entries({ ...hands, pointerleave: leave }))
        canvas.addEventListener(name, act, { signal });

      const dense = () => {
        if (signal.aborted) return;
        matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", dense, { once: true, signal });
        fit();
      };
      addEventListener("resize", fit, { signal });
      dense();

      model.on("change:note", say);
      views.set(draw, 0);
      draw(true);
      return () => {
        sizes.disconnect();
        words.remove();
        clearTimeout(settle);
        views.delete(draw);
        model.off("change:note", say);
      };
    },
  };
};
