"use strict";
// One mode of linear BYOL on its plane (notebook 11), and two modes trained as matrices: the formulas of
// ssl_explain/lessons/byol_solved/modes.py and experiment.py; tests/browser/test_small_engines.py compares them.
// rates = { noise: σ², alpha: α, eta: η, beta: β }; β = null is a target that copies the weights.
const PlaneEngine = (() => {
  const threshold = (noise) => 1 / (4 * (1 + noise));
  // p± = (1 ± √(1 - 4(1+σ²)η)) / (2(1+σ²)), with w² = p²/α; none above the threshold, where all collapses.
  function fixedPoints(noise, eta) {
    const root = 1 - eta / threshold(noise);
    return root < 0 ? [] : [-1, 1].map((sign) => (1 + sign * Math.sqrt(root)) / (2 * (1 + noise)));
  }
  // One mode as (p, w, a), with the target a = ω w; e = a - (1+σ²) p w:
  // ṗ = α w e - η p,  ẇ = p e - η w,  ȧ = β (w - a), or ẇ for a copy.
  function velocity([p, w, a], { noise, alpha, eta, beta }) {
    const error = (beta === null ? w : a) - (1 + noise) * p * w, moved = p * error - eta * w;
    return [alpha * w * error - eta * p, moved, beta === null ? moved : beta * (w - a)];
  }
  function rk4(y, h, rates) {
    const along = (by, v) => y.map((x, k) => x + by * v[k]), at = (state) => velocity(state, rates);
    const a = at(y), b = at(along(h / 2, a)), c = at(along(h / 2, b)), d = at(along(h, c));
    return y.map((x, k) => x + (h / 6) * (a[k] + 2 * (b[k] + c[k]) + d[k]));
  }
  const begin = (p, w2) => [p, Math.sqrt(w2), Math.sqrt(w2)];
  // The flow from a start: [p, w², ω] at `count` + 1 times that are `every` steps of length h apart.
  function flow(p, w2, rates, { h, every, count }) {
    const told = ([p, w, a]) => [p, w * w, a / w], kept = [told(begin(p, w2))];
    for (let k = 1, y = begin(p, w2); k <= every * count; k++) {
      y = rk4(y, h, rates);
      if (k % every === 0) kept.push(told(y));
    }
    return kept;
  }
  // p and w² after a long time: steps that are inverse to the speed.
  function later(p, w2, rates, steps = 50) {
    const { noise, alpha, eta, beta } = rates, rest = eta + (beta ?? 0) + 1e-3, path = [];
    for (let y = begin(p, w2), k = 0; k < steps; k++) {
      const [p, w, a] = y.map(Math.abs), speed = (1 + noise) * (alpha * w * w + p * p) + p + alpha * a * w + rest;
      y = rk4(y, 0.8 / speed, rates);
      path.push([y[0], y[1] * y[1]]);
    }
    return path;
  }
  const lives = (p, w2, rates) => later(p, w2, rates).at(-1)[0] > (fixedPoints(rates.noise, rates.eta)[0] ?? Infinity);
  // The separatrix: for each p the w² above which a start lives, Infinity if above `top`. Two rounds on a grid of w.
  function boundary(columns, rates, top = 4, rungs = 22) {
    if (!fixedPoints(rates.noise, rates.eta).length) return columns.map(() => Infinity);
    return columns.map((p) => {
      let low = 0, high = Math.sqrt(top), found = false;
      for (let round = 0; round < 2; round++) {
        const ladder = Array.from({ length: rungs + 1 }, (_, k) => low + ((high - low) * k) / rungs);
        const alive = ladder.map((w) => lives(p, w * w, rates));
        found ||= alive[rungs];
        const first = alive.findIndex((is, k) => (k > 0 && is) || k === rungs);
        [low, high] = [ladder[first - 1], ladder[first]];
      }
      return found ? ((low + high) / 2) ** 2 : Infinity;
    });
  }
  // ---- matrices, as arrays of rows ------------------------------------------------------------------------------
  const turned = (A) => A[0].map((_, k) => A.map((row) => row[k]));
  const times = (A, B) => A.map((row) => B[0].map((_, k) => row.reduce((sum, x, i) => sum + x * B[i][k], 0)));
  const plus = (A, B, c) => A.map((row, i) => row.map((x, k) => x + c * B[i][k]));
  // Gradient steps of W, P and the target A: E = P W (X+X') - A X, W ← W - h (PᵀE + ηW), P ← P - h (αEWᵀ + ηP). The
  // target keeps e^{-βh} of itself. It ends where W and P together have a norm beyond 100.
  function train(W, P, { between, total }, rates, { rate, steps, every }) {
    const keep = rates.beta === null ? 0 : Math.exp(-rates.beta * rate), kept = [{ W, P }];
    for (let step = 1, A = W; step <= steps; step++) {
      if ([...W, ...P].flat().reduce((sum, x) => sum + x * x, 0) > 1e4) break;
      const E = plus(times(times(P, W), total), times(rates.beta === null ? W : A, between), -1);
      const back = [plus(times(turned(P), E), W, rates.eta), plus(times(E, turned(W)), P, rates.eta / rates.alpha)];
      [W, P] = [plus(W, back[0], -rate), plus(P, back[1], -rate * rates.alpha)];
      A = A.map((row, i) => row.map((x, k) => keep * x + (1 - keep) * W[i][k]));
      if (step % every === 0) kept.push({ W, P });
    }
    return kept;
  }
  // p, s and the invariant s - p²/α of every mode along the axes: the diagonals of P, W Wᵀ and W Wᵀ - PᵀP/α.
  function modes({ W, P }, alpha) {
    const gram = times(W, turned(W)), square = times(turned(P), P);
    return W.map((_, i) => [P[i][i], gram[i][i], gram[i][i] - square[i][i] / alpha]);
  }
  return { threshold, fixedPoints, velocity, flow, later, lives, boundary, train, modes, times, turned };
})();
