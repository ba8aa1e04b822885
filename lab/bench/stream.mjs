// How soon a stream gives its first token, and what streaming costs: node lab/bench/stream.mjs (after npm run build).

import { PerformerForCausalLM } from "performer-ts";

const sizes = [
  { modelDim: 256, numLayers: 4, numHeads: 4 },
  { modelDim: 512, numLayers: 6, numHeads: 8 },
];

for (const size of sizes) {
  const model = PerformerForCausalLM.create({ ...size, maxSeqLen: 2048, seed: 7 });
  /** @type {number[]} */
  const firsts = [];
  /** @type {number[]} */
  const steps = [];
  /** @type {number[]} */
  const streams = [];
  /** @type {number[]} */
  const calls = [];
  for (let round = 0; round < 31; round++) await read(model, 20, firsts, steps);
  for (let round = 0; round < 9; round++) {
    const streamMs = performance.now();
    await read(model, 200, [], []);
    streams.push(performance.now() - streamMs);
    const callMs = performance.now();
    await model.generate("", { max_new_tokens: 200, min_new_tokens: 200 });
    calls.push(performance.now() - callMs);
  }
  const [cold = 0, ...warm] = firsts;
  const row = {
    model: `${size.numLayers} layers of ${size.modelDim}`,
    "first, cold": cold,
    first: median(warm),
    step: median(steps),
    "first / step": median(warm) / median(steps),
    "stream of 200": median(streams),
    "generate of 200": median(calls),
  };
  await model[Symbol.asyncDispose]();
  console.log(
    Object.entries(row)
      .map(([name, value]) => `${name}: ${typeof value === "number" ? value.toFixed(2) : value}`)
      .join(" · "),
  );
}

/**
 * @param {PerformerForCausalLM} model
 * @param {number} tokens
 * @param {number[]} firsts
 * @param {number[]} steps
 */
async function read(model, tokens, firsts, steps) {
  let lastMs = performance.now();
  let count = 0;
  for await (const _token of model.stream("", { max_new_tokens: tokens, min_new_tokens: tokens })) {
    const nowMs = performance.now();
    (count++ === 0 ? firsts : steps).push(nowMs - lastMs);
    lastMs = nowMs;
  }
}

/** @param {readonly number[]} values */
function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
