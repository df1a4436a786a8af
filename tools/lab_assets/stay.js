// Run All leaves JupyterLab at the last cell: the summary. This brings back the place where the reader was.
(() => {
  // A function that scrolls back to what is at the top of the page now.
  const remember = (notebook) => {
    const page = notebook?.outerNode; // the cells, scrolled
    if (!page || !notebook.widgets?.length) return undefined;
    const top = ({ node }) => node.getBoundingClientRect().top - page.getBoundingClientRect().top;
    const place = notebook.widgets.findIndex((cell) => top(cell) + cell.node.offsetHeight > 0);
    if (place < 0) return undefined;
    const cell = notebook.widgets[place];
    const before = top(cell);
    return () => {
      const elsewhere = ![place, notebook.widgets.length - 1].includes(notebook.activeCellIndex);
      if (elsewhere) return false;
      notebook.activeCellIndex = place;
      page.scrollTop += top(cell) - before;
      return true;
    };
  };
  // JupyterLab scrolls to the last cell some time after it has made it active: hold the place until the reader moves.
  const hold = (back) => {
    let end = performance.now() + 5000; // ms
    const stop = () => {
      end = 0;
    };
    for (const name of ["wheel", "pointerdown", "keydown"]) addEventListener(name, stop, { once: true, capture: true });
    const again = () => {
      if (performance.now() < end && back()) requestAnimationFrame(again);
    };
    requestAnimationFrame(again);
  };
  const activate = ({ commands, shell }) => {
    const execute = commands.execute.bind(commands);
    commands.execute = (id, ...rest) => {
      const runs = id === "notebook:run-all-cells" || id === "notebook:restart-run-all";
      const back = runs ? remember(shell.currentWidget?.content) : undefined;
      const result = execute(id, ...rest);
      if (back && id === "notebook:run-all-cells") hold(back);
      else if (back) result.then(() => hold(back), () => {}); // it asks first, and runs when it has its answer
      return result;
    };
  };
  const plugin = { id: "ssl-explain:stay", autoStart: true, activate };
  (window._JUPYTERLAB ??= {})["ssl-explain"] = { init: () => {}, get: async () => () => plugin };
})();
