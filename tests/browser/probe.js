// What reaches the reader's eye. Once per animation frame, look at the pictures of one output area:
// a picture that is not the one of the last frame was painted; a frame without any finished picture was blank.
// A picture is an <img>, <canvas> or <svg> larger than an icon. Times are those of performance.now().
(() => {
  const probe = (window.__probe = {
    area: null, keys: [], paints: [], frames: 0, blank: 0, jumps: 0,
    watch(area) { this.area = area; this.last = undefined; this.clear(); },
    clear() { Object.assign(this, { keys: [], paints: [], frames: 0, blank: 0, jumps: 0, height: undefined }); },
  });
  const large = (node) => { const box = node.getBoundingClientRect(); return box.width > 200 && box.height > 100; };
  const finished = (node) =>
    node.tagName === "IMG" ? node.complete && node.naturalWidth > 0 : node.tagName !== "CANVAS" || "frame" in node.dataset;
  const content = (node) =>
    node.tagName === "IMG" ? node.src : node.tagName === "CANVAS" ? node.dataset.frame : node.outerHTML;

  // A message sent from a frame callback arrives when this frame has been drawn.
  const drawn = new MessageChannel();
  drawn.port1.onmessage = () => probe.paints.push(performance.now());

  const look = () => {
    requestAnimationFrame(look);
    if (!probe.area?.isConnected) return;
    probe.frames += 1;
    const pictures = [...probe.area.querySelectorAll("img, canvas, svg")].filter(large).filter(finished);
    if (pictures.length === 0) { probe.blank += 1; return; }
    const now = pictures.map(content).join("\n");
    if (probe.last !== undefined && now !== probe.last) drawn.port2.postMessage(0);
    probe.last = now;
    const height = Math.round(probe.area.getBoundingClientRect().height);
    if (probe.height !== undefined && height !== probe.height) probe.jumps += 1;
    probe.height = height;
  };
  requestAnimationFrame(look);

  // The time stamp is when the key went down, not when the page found time to notice.
  addEventListener("keydown", (event) => probe.keys.push(event.timeStamp), true);
})();
