"use strict";
// Neurons on a ring (notebook 05) in plain JavaScript: the formulas of ssl_explain/worlds/ring.py and of
// ssl_explain/lessons/selectivity_amplification/experiment.py; tests/browser/test_small_engines.py compares them.
// The objects 11 and 101 are two cells that are 1, so a view is the numbers of two cells, and w·x = w[a] + w[b].
const RingEngine = (() => {
  // The largest shift in cells, q of half the ring, rounded half to even; null at q = 1, where any shift is as likely.
  function largestShift(cells, q) {
    const half = (q * cells) / 2, low = Math.floor(half), rest = half - low;
    const up = rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? 1 : 0;
    return q === 1 ? null : Math.min(low + up, Math.floor((cells - 1) / 2));
  }
  const view = (cells, object, at) => [0, object + 1].map((cell) => (cell + at + cells) % cells);
  const range = (low, high) => Array.from({ length: high - low }, (_, k) => low + k);
  // Every point with all of its views: object by object, place by place (at q = 1 a point has no place).
  function world(cells, q) {
    const most = largestShift(cells, q), places = range(0, most === null ? 1 : cells);
    const moves = most === null ? range(0, cells) : range(-most, most + 1);
    return [0, 1].flatMap((object) => places.map((at) => moves.map((by) => view(cells, object, at + by))));
  }
  // A batch of points, each as the pair of its views.
  function draw(cells, q, n, uniform) {
    const most = largestShift(cells, q), whole = (m) => Math.floor(m * uniform());
    return range(0, n).map(() => {
      const object = whole(2), at = whole(cells), shift = () => (most === null ? whole(cells) : whole(2 * most + 1) - most);
      return [view(cells, object, at + shift()), view(cells, object, at + shift())];
    });
  }
  const answer = (w, [a, b], linear) => (linear || w[a] + w[b] > 0 ? w[a] + w[b] : 0);  // f = max(w·x, 0), or w·x
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  // E[f | point] of one neuron, for every point.
  const responses = (w, points, linear) => points.map((views) => mean(views.map((x) => answer(w, x, linear))));
  // ẇ = 2 OP w = 2/n Σ_points (f̄ - E f̄) · mean over views of (x · gate), with f̄ = E[f | point]: exact L_simp.
  function expectedUpdate(weights, points, linear) {
    return weights.map((w) => {
      const f = responses(w, points, linear), middle = mean(f), moved = new Float64Array(w.length);
      points.forEach((views, k) => {
        const pull = (2 * (f[k] - middle)) / (points.length * views.length);
        for (const [a, b] of views)
          if (linear || w[a] + w[b] > 0) {
            moved[a] += pull;
            moved[b] += pull;
          }
      });
      return moved;
    });
  }
  // Minus the gradient on pairs of views: of L_simp = r+ - r-, or of InfoNCE with one negative, which weighs a point by
  // 1/(1 + e^{(r- - r+)/τ}). The negative of a point is the second view of the next one.
  function sampledUpdate(weights, pairs, linear, tau) {
    const n = pairs.length, next = (i) => (i + 1) % n;
    const [f, g] = [0, 1].map((side) => weights.map((w) => pairs.map((pair) => answer(w, pair[side], linear))));
    const gap = pairs.map((_, i) => 0.5 * weights.reduce((sum, _w, j) =>
      sum + (f[j][i] - g[j][i]) ** 2 - (f[j][i] - g[j][next(i)]) ** 2, 0));
    const share = gap.map((x) => (tau === null ? 1 : 1 / (1 + Math.exp(-x / tau))) / n);
    return weights.map((w, j) => {
      const moved = new Float64Array(w.length);
      const along = (x, pull) => {
        if (!linear && w[x[0]] + w[x[1]] <= 0) return;
        moved[x[0]] += pull;
        moved[x[1]] += pull;
      };
      pairs.forEach(([first, second], i) => {
        const near = f[j][i] - g[j][i], far = f[j][i] - g[j][next(i)];
        along(first, share[i] * (far - near));
        along(second, share[i] * near);
        along(pairs[next(i)][1], -share[i] * far);
      });
      return moved;
    });
  }
  const unit = (w) => w.map((x) => x / Math.hypot(...w));
  // Euler steps that keep every neuron's weights at length one; the weights at the start and after every `every` steps.
  function follow(start, update, { steps, stepSize, every }) {
    const kept = [start];
    for (let step = 1, weights = start; step <= steps; step++) {
      const moved = update(weights);
      weights = weights.map((w, j) => unit(w.map((x, c) => x + stepSize * moved[j][c])));
      if (step % every === 0) kept.push(weights);
    }
    return kept;
  }
  // Selectivity s = ½(E[f | 11] - E[f | 101]); the share of the variance between points that the object explains; and
  // whether a neuron is dead: Δ = 0, the mean connection K̄ = E[x · gate] is the same at every point.
  function selectivity(f) {
    return (mean(f.slice(0, f.length / 2)) - mean(f.slice(f.length / 2))) / 2;
  }
  function objectShare(f) {
    const middle = mean(f), total = mean(f.map((x) => (x - middle) ** 2));
    return selectivity(f) ** 2 / Math.max(total, 1e-300);
  }
  function dead(w, points, linear) {
    const means = points.map((views) => {
      const sum = new Float64Array(w.length);
      for (const x of views) if (linear || w[x[0]] + w[x[1]] > 0) for (const cell of x) sum[cell] += 1 / views.length;
      return sum;
    });
    return w.every((_, c) => {
      const middle = mean(means.map((sum) => sum[c]));
      return means.every((sum) => Math.abs(sum[c] - middle) < 1e-12);
    });
  }
  return {
    largestShift, world, draw, responses, expectedUpdate, sampledUpdate, follow, selectivity, objectShare, dead, unit,
  };
})();
