"use strict";
// Columns of features that follow Θ̇ = CΘ, free or kept orthonormal (notebook 12): the formulas of
// ssl_explain/lessons/collapse_and_grassmannian/experiment.py; tests/browser/test_small_engines.py compares them.
// Coordinates lie along the eigenvectors of C, whose eigenvalues `values` fall. Θ is an array of its columns.
const GrassmannEngine = (() => {
  const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  const less = (a, b, by) => a.map((x, i) => x - by * b[i]);
  // Orthonormal columns with the same span: Gram and Schmidt, twice, which is as exact as QR.
  function orthonormalise(columns) {
    const done = [];
    for (let column of columns) {
      for (const _ of [1, 2]) for (const q of done) column = less(column, q, dot(q, column));
      const length = Math.hypot(...column) || 1;
      done.push(column.map((x) => x / length));
    }
    return done;
  }
  const grown = (values, columns) => columns.map((column) => column.map((x, i) => values[i] * x));
  // Gradient steps Θ ← Θ + dt CΘ; orthonormal columns follow (I - ΘΘᵀ)CΘ and are made orthonormal again.
  function takeSteps(values, theta, { stepSize, steps, orthonormal, every = 1 }) {
    const kept = [theta];
    for (let step = 1; step <= steps; step++) {
      let moved = grown(values, theta);
      if (orthonormal) moved = moved.map((g) => theta.reduce((rest, q) => less(rest, q, dot(q, g)), g));
      theta = theta.map((column, j) => less(column, moved[j], -stepSize));
      if (orthonormal) theta = orthonormalise(theta);
      if (step % every === 0) kept.push(theta);
    }
    return kept;
  }
  // The closed forms: Θ(t) = e^{Ct} Θ_0, and an orthonormal basis of its span, made orthonormal again on the way.
  const freeFlow = (values, theta, times) => times.map((t) => grown(values.map((v) => Math.exp(v * t)), theta));
  function spanFlow(values, theta, times) {
    let now = 0;
    return times.map((t) => {
      const parts = Math.max(1, Math.ceil(((values[0] - values.at(-1)) * (t - now)) / 8));
      const growth = values.map((v) => Math.exp(((v - values[0]) * (t - now)) / parts));
      for (let part = 0; part < parts; part++) theta = orthonormalise(grown(growth, theta));
      now = t;
      return theta;
    });
  }
  // Singular values, largest first: pairs of columns are turned until all are orthogonal (Hestenes), which is exact to
  // the last digits of the small ones too.
  function singularValues(columns) {
    columns = columns.map((column) => Float64Array.from(column));
    for (let turn = 0, most = 1; turn < 60 && most > 1e-15; turn++) {
      most = 0;
      for (let i = 0; i < columns.length; i++)
        for (let j = i + 1; j < columns.length; j++) {
          const [u, v] = [columns[i], columns[j]], a = dot(u, u), b = dot(v, v), c = dot(u, v);
          if (c === 0) continue;
          most = Math.max(most, Math.abs(c) / Math.sqrt(a * b));
          const z = (b - a) / (2 * c), t = (z < 0 ? -1 : 1) / (Math.abs(z) + Math.hypot(1, z)), k = 1 / Math.hypot(1, t);
          [columns[i], columns[j]] = [u.map((x, r) => k * (x - t * v[r])), v.map((x, r) => k * (v[r] + t * u[r]))];
        }
    }
    return columns.map((column) => Math.hypot(...column)).sort((a, b) => b - a);
  }
  // The principal angles between the spans of orthonormal columns, in radians and rising: from the sines, the singular
  // values of (I - bbᵀ)a, where small, else from the cosines, those of bᵀa.
  function principalAngles(a, b) {
    const off = a.map((column) => b.reduce((rest, q) => less(rest, q, dot(q, column)), column));
    const limit = (x) => Math.min(1, Math.max(0, x)), sines = singularValues(off).map(limit).reverse();
    const cosines = singularValues(a.map((column) => b.map((q) => dot(q, column)))).map(limit);
    return cosines.map((c, k) => (c > 0.7 ? Math.asin(sines[k]) : Math.acos(c)));
  }
  // (Σλ)² / Σλ² of squared singular values: how many directions the columns fill.
  function participation(columns) {
    const sizes = singularValues(columns), shares = sizes.map((x) => (x / Math.max(sizes[0], 1e-300)) ** 2);
    return shares.reduce((a, b) => a + b, 0) ** 2 / shares.reduce((a, b) => a + b * b, 0);
  }
  return { orthonormalise, takeSteps, freeFlow, spanFlow, singularValues, principalAngles, participation };
})();
