// The picture of an explorer in the browser; view.py is its other half. The kernel draws. This shows the frames as they
// come and confirms each, so that no more are on their way than it can show; it asks for a sharp frame once all is
// still, and tells the kernel how wide the picture is, and how dense the screen.

const STILL = 150; // ms without a frame
const WIDEST = 1500; // CSS pixels
const LOWEST = 200; // CSS pixels: no window is so low that the picture becomes smaller
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
const others = (explorer, el) => {
  const opened = [...explorer.querySelectorAll(".ssl-more")].reduce((sum, drawer) => sum + drawer.offsetHeight, 0);
  return explorer.offsetHeight - el.offsetHeight - opened;
};

export default () => {
  const views = new Map(); // what shows the frame, and the width at which it does so
  let shown = -1; // the number of the frame that is seen
  let bitmap; // it
  let told = ""; // what it shows, in words
  let timer;
  let reported = "";

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
    tell(model, { seen: number });
    clearTimeout(timer);
    timer = setTimeout(() => tell(model, { rest: shown }), STILL);
  };

  // Of several views of one explorer the widest counts.
  const report = (model) => {
    const widest = Math.max(0, ...views.values());
    const size = JSON.stringify([widest, devicePixelRatio]);
    if (!widest || size === reported) return;
    reported = size;
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
      el.append(canvas, words);

      const draw = () => {
        if (!bitmap) return;
        if (canvas.width !== bitmap.width || canvas.height !== bitmap.height)
          [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
        canvas.getContext("2d", { alpha: false }).drawImage(bitmap, 0, 0);
        canvas.dataset.frame = shown;
        canvas.setAttribute("aria-label", told);
        say();
      };
      const say = () => {
        const said = model.get("note") || told.replaceAll(" %", "\u00a0%");
        if (words.textContent !== said) words.textContent = said;
      };

      let settle;
      let longest = 0; // the words at their longest: the picture does not grow and shrink with them
      const fit = () => {
        const room = el.clientWidth;
        if (!room) return;
        const explorer = el.closest(".ssl-explain") ?? el;
        const [width, height] = model.get("shape");
        longest = Math.max(longest, words.offsetHeight);
        const tall = Math.max(LOWEST, visible(el) - others(explorer, el) - longest - ROOM);
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
        if (explorer && !signal.aborted) sizes.observe(explorer);
        fit();
      });

      const dense = () => {
        if (signal.aborted) return;
        matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", dense, { once: true, signal });
        fit();
      };
      addEventListener("resize", fit, { signal });
      dense();

      model.on("change:note", say);
      views.set(draw, 0);
      draw();
      return () => {
        sizes.disconnect();
        clearTimeout(settle);
        views.delete(draw);
        model.off("change:note", say);
      };
    },
  };
};
