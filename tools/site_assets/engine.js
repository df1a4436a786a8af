"use strict";
// The network of notebook 00 in plain JavaScript: its world, its losses, one step of training, and what is measured.
// The formulas are those of ssl_explain (worlds/latent_tree.py, networks/layers.py, losses/contrastive.py,
// dynamics/training.py, dynamics/correlation.py), in double precision; tests/browser/test_engine.py compares them.
// A matrix is a flat array of its rows. Points are columns: entry (neuron, point) is f[neuron * n + point].
const Engine = (() => {
  const numbers = (n) => new Float64Array(n);

  // ---- random numbers -------------------------------------------------------------------------------------------
  // xoshiro128++ (Blackman and Vigna) with its state filled by a multiply-and-shift hash of seed and stream.
  // PyTorch draws others: a seed here is another draw of world and network than the same seed in Python.
  function generator(seed, stream = 0) {
    let h = Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b);
    const mix = () => {
      h = (h + 0x9e3779b9) | 0;
      let z = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return z ^ (z >>> 15);
    };
    const state = Int32Array.of(mix(), mix(), mix(), mix() | 1);  // never all zero
    return () => {  // uniform on [0, 1), a multiple of 2^-32
      const a = state[0], b = state[1], c = state[2] ^ a, d = state[3] ^ b, sum = (a + state[3]) | 0;
      state[0] = a ^ d;
      state[1] = b ^ c;
      state[2] = c ^ (b << 9);
      state[3] = (d << 11) | (d >>> 21);
      return ((((sum << 7) | (sum >>> 25)) + a) >>> 0) / 4294967296;
    };
  }
  // Box and Muller: two uniforms make one normal number (the second is not used).
  const normal = (uniform) => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

  // ---- the latent tree ------------------------------------------------------------------------------------------
  // P(child = parent) = (1 + ρ)/2. polarity[l] has the edges from level l + 1 down to level l; level 0 are the leaves.
  // Node k of a level is the parent of nodes 2k and 2k + 1 below; the root is a fair coin.
  function randomTree(depth, [low, high], uniform) {  // |ρ| ~ U[low, high], with a random sign
    const edge = () => (low + (high - low) * uniform()) * (uniform() < 0.5 ? -1 : 1);
    const level = (_, l) => Float64Array.from({ length: 2 ** (depth - l) }, edge);
    return { polarity: Array.from({ length: depth }, level) };
  }
  // n points: levels[l][node * n + point] is 0 or 1.
  function sample(tree, n, uniform) {
    return descend(tree, n, Uint8Array.from({ length: n }, () => (uniform() < 0.5 ? 1 : 0)), uniform);
  }
  // A view of n points: the child of a kept node is kept with probability 1 - q; every other node is drawn again,
  // given its parent in the view. The root stays.
  const augment = (tree, levels, n, q, uniform) => descend(tree, n, levels[levels.length - 1], uniform, levels, q);
  // From the root down, level by level, node by node, point by point. Each takes one uniform (flip it?), in a view two
  // (keep it? flip it?), whether they are needed or not.
  function descend(tree, n, root, uniform, original = null, q = 1) {
    const levels = [root];
    let kept = new Uint8Array(n).fill(1);
    for (let level = tree.polarity.length - 1; level >= 0; level--) {
      const edges = tree.polarity[level], up = levels[0], old = original && original[level];
      const here = new Uint8Array(edges.length * n), keep = new Uint8Array(edges.length * n);
      for (let k = 0; k < edges.length; k++) {
        const parent = (k >> 1) * n, own = k * n, rate = (1 - edges[k]) / 2;
        for (let s = 0; s < n; s++) {
          const stays = old !== null && uniform() >= q && kept[parent + s] === 1, flip = uniform() < rate ? 1 : 0;
          keep[own + s] = stays ? 1 : 0;
          here[own + s] = stays ? old[own + s] : up[parent + s] ^ flip;
        }
      }
      levels.unshift(here);
      kept = keep;
    }
    return levels;
  }
  // Two views of n points, as the leaves of 2n columns: first the first views, then the second views.
  function drawViews(tree, n, q, uniform) {
    const levels = sample(tree, n, uniform), leaves = tree.polarity[0].length, both = new Uint8Array(2 * leaves * n);
    for (const view of [0, 1]) {
      const bits = augment(tree, levels, n, q, uniform)[0];
      for (let leaf = 0; leaf < leaves; leaf++)
        both.set(bits.subarray(leaf * n, leaf * n + n), (2 * leaf + view) * n);
    }
    return both;
  }

  // ---- the network ----------------------------------------------------------------------------------------------
  // A layer is a row of nodes, shape [nodes, d_out, d_in]: f_l = max(W_l f_{l-1} + b_l, 0), and the node above reads
  // the outputs of consecutive nodes together. W ~ N(0, 2 scale² / d_in); b is missing, or 0 at first.
  function network(shapes, { normalise = true, scale = 1, bias = false, uniform }) {
    const weights = shapes.map(([nodes, out, into]) =>
      Float64Array.from({ length: nodes * out * into }, () => scale * Math.sqrt(2 / into) * normal(uniform)));
    return { shapes, weights, normalise, biases: bias ? shapes.map(([nodes, out]) => numbers(nodes * out)) : [] };
  }
  const treeShapes = (depth, m) => Array.from({ length: depth }, (_, l) => [2 ** (depth - 1 - l), m, l ? 2 * m : 2]);
  const denseShapes = (depth, m) =>
    Array.from({ length: depth }, (_, l) => [1, m * 2 ** (depth - 1 - l), 2 ** (depth - l) * (l ? m : 1)]);

  // C = A B: A has rows × inner entries A[a + r * step + i * stride], B and C have n columns. Blocks of 2 rows and
  // 4 inner indices keep their weights in registers.
  function multiply(A, a, step, stride, rows, inner, B, b, C, c, n) {
    C.fill(0, c, c + rows * n);
    for (let r = 0; r < rows; r += 2) {
      const p = c + r * n, o = a + r * step;
      if (r + 1 === rows) { addRow(A, o, stride, inner, B, b, C, p, n); break; }
      let i = 0;
      for (; i + 3 < inner; i += 4) {
        const j = o + i * stride, k = j + step;
        const u0 = A[j], u1 = A[j + stride], u2 = A[j + 2 * stride], u3 = A[j + 3 * stride];
        const v0 = A[k], v1 = A[k + stride], v2 = A[k + 2 * stride], v3 = A[k + 3 * stride];
        for (let s = 0, x = b + i * n; s < n; s++, x++) {
          const x0 = B[x], x1 = B[x + n], x2 = B[x + 2 * n], x3 = B[x + 3 * n];
          C[p + s] += u0 * x0 + u1 * x1 + u2 * x2 + u3 * x3;
          C[p + n + s] += v0 * x0 + v1 * x1 + v2 * x2 + v3 * x3;
        }
      }
      if (i < inner) {
        addRow(A, o + i * stride, stride, inner - i, B, b + i * n, C, p, n);
        addRow(A, o + step + i * stride, stride, inner - i, B, b + i * n, C, p + n, n);
      }
    }
  }
  function addRow(A, a, stride, inner, B, b, C, c, n) {  // one row of C += one row of A times B
    for (let i = 0; i < inner; i++) {
      const w = A[a + i * stride], x = b + i * n;
      for (let s = 0; s < n; s++) C[c + s] += w * B[x + s];
    }
  }
  // W = G Bᵀ, for the gradient of a matrix: entry (o, i) is Σ_points g_o f_i. Blocks of 2 × 4 sums.
  function outer(G, g, rows, B, b, cols, n, W, w) {
    for (let o = 0; o < rows; o += 2) {
      const p = g + o * n, two = o + 1 < rows, q = two ? p + n : p;
      for (let i = 0; i < cols; i += 4) {
        const x = b + i * n, more = Math.min(4, cols - i);
        const k1 = more > 1 ? n : 0, k2 = more > 2 ? 2 * n : 0, k3 = more > 3 ? 3 * n : 0;
        let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
        for (let s = 0; s < n; s++) {
          const u = G[p + s], v = G[q + s], y = x + s;
          const x0 = B[y], x1 = B[y + k1], x2 = B[y + k2], x3 = B[y + k3];
          a0 += u * x0; a1 += u * x1; a2 += u * x2; a3 += u * x3;
          b0 += v * x0; b1 += v * x1; b2 += v * x2; b3 += v * x3;
        }
        const at = w + o * cols + i, to = [a0, a1, a2, a3, b0, b1, b2, b3];
        for (let k = 0; k < more; k++) {
          W[at + k] = to[k];
          if (two) W[at + cols + k] = to[4 + k];
        }
      }
    }
  }
  // Activations of every layer for the leaves (0 or 1) of n points; level 0 are the inputs, -1 or 1.
  // A node with few leaves below it sees few different inputs. Where these are fewer than half the points, its columns
  // are all the inputs that it can have, and at[node * n + point] says which of them a point has. Otherwise, and at
  // the top, its columns are the points, and there is no `at`.
  function forward(net, leaves, n) {
    const values = Float64Array.from({ length: (2 * leaves.length) / n }, (_, k) => 2 * (k % 2) - 1);
    const layers = [{ f: values, columns: 2, at: leaves, size: 1 }];
    net.shapes.forEach(([nodes, out, into], l) => {
      const layer = above(layers[l], nodes, into, n, l + 1 === net.shapes.length), count = layer.columns;
      layer.f = numbers(nodes * out * count);
      layer.size = out;
      for (let node = 0; node < nodes; node++) {
        const a = node * out * into, c = node * out * count;
        multiply(net.weights[l], a, into, 1, out, into, inputs(layers[l], layer, node), 0, layer.f, c, count);
      }
      const b = net.biases[l];
      for (let k = 0; b && k < layer.f.length; k++) layer.f[k] += b[Math.floor(k / count)];
      for (let k = 0; k < layer.f.length; k++) if (layer.f[k] < 0) layer.f[k] = 0;  // the gate; NaN stays NaN
      layers.push(layer);
    });
    return layers;
  }
  // The columns of a layer whose nodes read `child` consecutive nodes of the layer below.
  function above(below, nodes, into, n, top) {
    const child = into / below.size, columns = below.columns ** child;
    if (!below.at || columns > n / 2 || top) return { child, columns: n };
    const at = new Uint16Array(nodes * n);
    for (let node = 0; node < nodes; node++)
      for (let j = child - 1; j >= 0; j--)
        for (let s = node * n, k = (node * child + j) * n; s < node * n + n; s++, k++)
          at[s] = at[s] * below.columns + below.at[k];
    return { child, columns, at };
  }
  // Which column of its j-th child a column of a node reads.
  function source(below, layer, node, j) {
    const n = layer.columns;
    if (!layer.at) return below.at.subarray((node * layer.child + j) * n, (node * layer.child + j + 1) * n);
    const from = new Uint16Array(n), size = below.columns ** j;
    for (let p = 0; p < n; p++) from[p] = Math.floor(p / size) % below.columns;
    return from;
  }
  // What a node reads: a matrix of (inputs, columns of the node).
  function inputs(below, layer, node) {
    const n = layer.columns, size = below.size, start = node * layer.child * size;
    if (!below.at) return below.f.subarray(start * n, (start + layer.child * size) * n);
    const read = numbers(layer.child * size * n);
    for (let j = 0; j < layer.child; j++) {
      const from = source(below, layer, node, j);
      for (let r = j * size; r < (j + 1) * size; r++)
        for (let p = 0, b = (start + r) * below.columns; p < n; p++) read[r * n + p] = below.f[b + from[p]];
    }
    return read;
  }
  // ∂L/∂W of every layer, then ∂L/∂b, from ∂L/∂f of the top. Through the gates G = ∂L/∂f · 1[f > 0], then
  // ∂L/∂W = G f_{l-1}ᵀ, ∂L/∂b = Σ_points G and ∂L/∂f_{l-1} = Wᵀ G.
  function backward(net, layers, top) {
    const gradients = [...net.weights, ...net.biases].map((w) => numbers(w.length));
    let G = top;
    for (let l = net.shapes.length - 1; l >= 0; l--) {
      const [nodes, out, into] = net.shapes[l], layer = layers[l + 1], below = layers[l], n = layer.columns;
      for (let k = 0; k < G.length; k++) if (!(layer.f[k] > 0)) G[k] = 0;
      const b = net.biases.length ? gradients[net.shapes.length + l] : null;
      for (let k = 0; b && k < G.length; k++) b[Math.floor(k / n)] += G[k];
      const down = l ? numbers(below.f.length) : null, part = below.at ? numbers(into * n) : down;
      for (let node = 0; node < nodes; node++) {
        const w = node * out * into, g = node * out * n, start = node * into;
        outer(G, g, out, inputs(below, layer, node), 0, into, n, gradients[l], w);
        if (!l) continue;
        multiply(net.weights[l], w, 1, into, into, out, G, g, part, below.at ? 0 : start * n, n);
        for (let r = 0; below.at && r < into; r++) {
          const from = source(below, layer, node, Math.floor(r / below.size)), b = (start + r) * below.columns;
          for (let p = 0; p < n; p++) down[b + from[p]] += part[r * n + p];
        }
      }
      G = down;
    }
    return gradients;
  }
  // f̂ = f / max(‖f‖, 10⁻¹²), column by column, and the lengths.
  function unit(f, n) {
    const lengths = numbers(n), result = numbers(f.length);
    for (let row = 0; row < f.length; row += n) for (let s = 0; s < n; s++) lengths[s] += f[row + s] ** 2;
    for (let s = 0; s < n; s++) lengths[s] = Math.max(Math.sqrt(lengths[s]), 1e-12);
    for (let row = 0; row < f.length; row += n) for (let s = 0; s < n; s++) result[row + s] = f[row + s] / lengths[s];
    return { f: result, lengths };
  }
  // From ∂L/∂f̂ to ∂L/∂f = (G - f̂ (f̂ · G)) / ‖f‖.
  function throughUnit({ f, lengths }, G, n) {
    const along = numbers(n);
    for (let row = 0; row < f.length; row += n) for (let s = 0; s < n; s++) along[s] += f[row + s] * G[row + s];
    for (let row = 0; row < f.length; row += n)
      for (let s = 0; s < n; s++) G[row + s] = (G[row + s] - f[row + s] * along[s]) / lengths[s];
  }

  // ---- losses ---------------------------------------------------------------------------------------------------
  // Each gives L of the energies r[0] = r+ and r[1], … = r_k-, and puts ∂L/∂r into `slopes`.
  const LOSSES = {
    "L_simp": (r, slopes) => {  // L = r+ - mean_k r_k-
      const h = r.length - 1;
      slopes.fill(-1 / h)[0] = 1;
      let loss = r[0];
      for (let k = 1; k <= h; k++) loss -= r[k] / h;
      return loss;
    },
    "InfoNCE": (r, slopes, { temperature: tau }) => {  // L = -τ log[e^{-r+/τ} / (e^{-r+/τ} + Σ_k e^{-r_k-/τ})]
      const least = r.reduce((low, value) => Math.min(low, value));
      let sum = 0;
      for (let k = 0; k < r.length; k++) sum += slopes[k] = Math.exp((least - r[k]) / tau);
      for (let k = 0; k < r.length; k++) slopes[k] = (k ? 0 : 1) - slopes[k] / sum;
      return r[0] - least + tau * Math.log(sum);
    },
    "soft triplet": (r, slopes, { temperature: tau, margin = 0 }) => {  // L = mean_k τ log(1 + e^{(r+ - r_k- + r0)/τ})
      const h = r.length - 1;
      let loss = 0;
      slopes[0] = 0;
      for (let k = 1; k <= h; k++) {
        const x = (r[0] - r[k] + margin) / tau, slope = x > 20 ? 1 : 1 / (1 + Math.exp(-x));  // as PyTorch's softplus
        loss += (tau * (x > 20 ? x : Math.log1p(Math.exp(x)))) / h;
        slopes[k] = -slope / h;
        slopes[0] += slope / h;
      }
      return loss;
    },
  };
  // The mean loss of n points and ∂L/∂f of their 2n outputs. r = ½‖f(a) - f(b)‖²; the positive of the first view of
  // point i is its second view, the k-th negative the second view of point i + k (cyclic).
  function contrast(f, n, { loss, negatives = 1, ...settings }) {
    const G = numbers(f.length), r = numbers(negatives + 1), slopes = numbers(negatives + 1);
    let mean = 0;
    for (let i = 0; i < n; i++) {
      for (let k = 0; k <= negatives; k++) {
        r[k] = 0;
        for (let a = i, b = n + ((i + k) % n); a < f.length; a += 2 * n, b += 2 * n) r[k] += (f[a] - f[b]) ** 2 / 2;
      }
      mean += LOSSES[loss](r, slopes, settings) / n;
      for (let k = 0; k <= negatives; k++)
        for (let a = i, b = n + ((i + k) % n); a < f.length; a += 2 * n, b += 2 * n) {
          const pull = (slopes[k] * (f[a] - f[b])) / n;
          G[a] += pull;
          G[b] -= pull;
        }
    }
    return { loss: mean, G };
  }
  // The loss of a batch of views and its gradient, one array per matrix, then one per bias.
  function gradient(net, views, n, settings) {
    const layers = forward(net, views, 2 * n), top = layers[layers.length - 1];
    const seen = net.normalise ? unit(top.f, 2 * n) : top, { loss, G } = contrast(seen.f, n, settings);
    if (net.normalise) throughUnit(seen, G, 2 * n);
    return { loss, gradients: backward(net, layers, G) };
  }
  // One step of plain gradient descent, W ← W - lr ∂L/∂W, on a fresh batch. `run` holds tree, net, uniform, batch, q,
  // learningRate, loss, temperature, and may be changed between steps. False, and nothing changes, if a value of the
  // next weights would not be finite.
  function step(run) {
    const views = drawViews(run.tree, run.batch, run.q, run.uniform);
    const { loss, gradients } = gradient(run.net, views, run.batch, run);
    let size = 0;
    for (const g of gradients) for (let k = 0; k < g.length; k++) size += g[k] * g[k];
    if (!Number.isFinite(Math.sqrt(size) * run.learningRate + loss)) return false;
    [...run.net.weights, ...run.net.biases].forEach((w, l) => {
      for (let k = 0; k < w.length; k++) w[k] -= run.learningRate * gradients[l][k];
    });
    return true;
  }

  // ---- what is measured -----------------------------------------------------------------------------------------
  // |corr| of every neuron with every latent of its node: found[level - 1][latent] lists the neurons. In a dense
  // network a level is one node.
  function correlations(net, levels, n) {
    const layers = forward(net, levels[0], n), top = layers[layers.length - 1];
    if (net.normalise) top.f = unit(top.f, n).f;
    return net.shapes.map(([nodes, out], l) => {
      const { f, columns, at } = layers[l + 1], each = levels[l + 1].length / n / nodes;
      return Array.from({ length: each * nodes }, (_, z) => {
        const node = Math.floor(z / each), which = at && at.subarray(node * n, node * n + n);
        const latent = centred(levels[l + 1].subarray(z * n, z * n + n)), row = (o) => (node * out + o) * columns;
        return Array.from({ length: out }, (_, o) => correlation(f.subarray(row(o), row(o + 1)), which, latent, n));
      });
    });
  }
  function centred(z) {
    const y = Float64Array.from(z);
    let sum = 0;
    for (let s = 0; s < y.length; s++) sum += y[s];
    for (let s = 0; s < y.length; s++) y[s] -= sum / y.length;
    return y;
  }
  // |Σ (f - f̄) y| / √(Σ (f - f̄)² Σ y²) with y centred; 0 for a neuron that is constant up to rounding.
  function correlation(f, at, y, n) {
    const base = f[at ? at[0] : 0];  // subtracted, so that a large mean costs no digits
    let sum = 0, both = 0, own = 0, other = 0;
    for (let s = 0; s < n; s++) {
      const x = f[at ? at[s] : s] - base;
      sum += x;
      own += x * x;
      both += x * y[s];
      other += y[s] * y[s];
    }
    own -= (sum * sum) / n;
    return own > 1e-12 * n * (base + sum / n) ** 2 && other > 0 ? Math.abs(both) / Math.sqrt(own * other) : 0;
  }
  return {
    LOSSES, generator, normal, randomTree, sample, augment, drawViews, network, treeShapes, denseShapes, gradient, step,
    correlations,
  };
})();
