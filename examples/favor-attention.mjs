// FAVOR+ on your own typed arrays, in one call: how near it comes to exact softmax attention, by the number of
// features.
//
// Run it after `npm run build`:  node examples/favor-attention.mjs

import { favorAttention } from "performer-ts";

const [length, numHeads, headDim] = [512, 4, 16];
const width = numHeads * headDim;

/** Any numbers will do; these are smooth in time, as activations tend to be. @param {number} phase */
const array = (phase) => ({
  data: Float32Array.from({ length: length * width }, (_, i) => {
    const [position, column] = [Math.floor(i / width), i % width];
    return Math.sin(position * 0.02 * (1 + (column % headDim)) + phase * (1 + column)) / 2;
  }),
  dims: [length, width],
});
const arrays = { q: array(1), k: array(2), v: array(3) };

const exact = await favorAttention(arrays, { numHeads, causal: true, mechanism: "exact" });

console.log(`causal attention over ${length} positions, ${numHeads} heads of ${headDim}`);
console.log("features  root mean square error, relative to exact attention");
for (const numFeatures of [8, 32, 128, 512, 2048]) {
  const errors = [];
  for (const seed of [1, 2, 3]) {
    const approximate = await favorAttention(arrays, { numHeads, causal: true, numFeatures, seed });
    errors.push(relativeError(approximate.data, exact.data));
  }
  const mean = errors.reduce((total, error) => total + error, 0) / errors.length;
  console.log(`${String(numFeatures).padStart(8)}  ${mean.toFixed(4)}`);
}

/**
 * @param {Float32Array} actual
 * @param {Float32Array} expected
 */
function relativeError(actual, expected) {
  const squares = expected.reduce((total, value) => total + value ** 2, 0);
  const differences = expected.reduce((total, value, i) => total + (value - (actual[i] ?? NaN)) ** 2, 0);
  return Math.sqrt(differences / squares);
}
