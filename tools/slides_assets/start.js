Reveal.initialize({
  width: 1280, height: 720, margin: 0, minScale: 0.1, maxScale: 6, center: false, hash: true, transition: 'none',
  backgroundTransition: 'none', controls: true, progress: true, slideNumber: 'c/t', keyboard: true, scrollActivationWidth: null,
  plugins: [RevealNotes],
});
