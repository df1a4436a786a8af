"use strict";
// What can be known of a latent tree (engine.js) without a network: the ceiling of every latent, and what the first
// principal component of the leaves knows of the root. Both are sums over the law of the leaves, not estimates.
const Bounds = (() => {
  // The Bayes ceiling of every latent, √E[m²] with m its posterior mean (in ±1 coding) given the leaves below it.
  // The law of m is a list of atoms (weight, m). Two children with messages t = ρ m have the joint weight
  // w w' (1 + t t') and give m = (t + t') / (1 + t t'). Long lists are merged into cells of m of width 2 / CELLS.
  const CELLS = 1024;
  function ceilings(tree) {
    let laws = Array.from(tree.polarity[0], () => [[0.5, 0.5], [-1, 1]]);
    return tree.polarity.map((rho) => {
      const pair = (_, k) => joined(laws[2 * k], laws[2 * k + 1], rho[2 * k], rho[2 * k + 1]);
      laws = Array.from({ length: rho.length / 2 }, pair);
      return laws.map(([w, m]) => Math.sqrt(w.reduce((sum, weight, a) => sum + weight * m[a] * m[a], 0)));
    });
  }
  function joined([w, m], [v, o], left, right) {
    const long = w.length * v.length > CELLS, size = long ? CELLS : w.length * v.length;
    const weight = new Float64Array(size), mean = new Float64Array(size);
    for (let a = 0, k = 0; a < w.length; a++)
      for (let b = 0; b < v.length; b++, k++) {
        const s = left * m[a], t = right * o[b], both = w[a] * v[b] * (1 + s * t);
        if (!(both > 0)) continue;  // leaves that cannot occur
        const at = long ? Math.min(CELLS - 1, Math.floor(((1 + (s + t) / (1 + s * t)) / 2) * CELLS)) : k;
        weight[at] += both;
        mean[at] += w[a] * v[b] * (s + t);
      }
    for (let k = 0; k < mean.length; k++) if (weight[k]) mean[k] /= weight[k];
    return [weight, mean];
  }
  // |corr| of the root with the first principal component of the leaves: |v · r| / √λ, with v, λ of the covariance by
  // power iteration. Cov(i, j) is the product of ρ along the path from i to j, and r_i that from the root to leaf i.
  function principal({ polarity }) {
    const r = Array.from(polarity[0], (_, i) => polarity.reduce((x, rho, l) => x * rho[i >> l], 1));
    const path = (i, j) => polarity.reduce((x, rho, l) => (i >> l === j >> l ? x : x * rho[i >> l] * rho[j >> l]), 1);
    const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0), cov = r.map((_, i) => r.map((_, j) => path(i, j)));
    let v = r, size = 1;
    for (let turn = 0; turn < 300; turn++) {
      const next = cov.map((row) => dot(row, v));
      size = Math.hypot(...next);
      v = next.map((x) => x / size);
    }
    return Math.abs(dot(v, r)) / Math.sqrt(size);
  }
  return { ceilings, principal };
})();
