// A formula that is wider than its slide is set smaller, once, when it is first seen.
function fitFormulas() {
  const slide = Reveal.getCurrentSlide();
  for (const formula of slide ? slide.querySelectorAll('.formula') : []) {
    const share = formula.clientWidth / formula.scrollWidth;
    if (share < 1) formula.style.fontSize = `${Math.floor(parseFloat(getComputedStyle(formula).fontSize) * share * 0.97)}px`;
  }
}
Reveal.on('ready', fitFormulas);
Reveal.on('slidechanged', fitFormulas);
Reveal.initialize({
  width: 1280, height: 720, margin: 0, minScale: 0.1, maxScale: 6, center: false, hash: true, transition: 'none',
  backgroundTransition: 'none', controls: true, progress: true, slideNumber: 'c/t', keyboard: true, scrollActivationWidth: null,
  plugins: [RevealNotes],
});
