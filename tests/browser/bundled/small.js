// The smallest page: one function of the package.

import { favorAttention } from "performer-ts";

const rows = Array.from({ length: 7 }, (_, t) => Float32Array.from({ length: 4 }, (_, d) => Math.sin(0.3 * t + d)));

export async function attend() {
  const options = { numHeads: 2, numFeatures: 5, seed: 7, causal: true };
  const { data, dims } = await favorAttention({ q: rows, k: rows, v: rows }, options);
  return { data: Array.from(data), dims };
}

Object.assign(globalThis, { programs: { attend } });
