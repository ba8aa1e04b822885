// Continuous batching: sequences join and leave a batch of slots at any time, each at its own position with its own
// state.
//
// Run it after `npm run build`:  node examples/continuous-decoding.mjs
// (The weights are fresh, so what is written means nothing; the bookkeeping is that of a server.)

import { createBackend, PerformerForCausalLM, proteinVocabulary } from "performer-ts";
import { createBatchDecoder } from "performer-ts/inference";

const { config, tensors } = PerformerForCausalLM.create({
  modelDim: 64,
  numLayers: 2,
  numHeads: 2,
  // A multiple of 16, the width of the engine's vectors: then no bit depends on the slot.
  numFeatures: 96,
  seed: 7,
});
const { bosId } = proteinVocabulary;
const decoder = await createBatchDecoder(config, tensors, createBackend(), { slots: 4 });

// Six requests for four slots: prompts and lengths differ.
const requests = ["MKV", "", "MSTNPKPQRK".repeat(8), "GG", "MALW", "W"].map((prompt, index) => ({
  prompt,
  wanted: 5 + 4 * index,
  /** @type {number[]} */
  tokens: [],
}));
const waiting = [...requests];
/** @type {Map<number, { request: typeof requests[number], logits: Float32Array }>} */
const running = new Map();
let steps = 0;

while (waiting.length > 0 || running.size > 0) {
  // Whoever waits joins as soon as a slot is free; a prompt is read in parts, not token by token.
  while (running.size < decoder.slots) {
    const request = waiting.shift();
    if (request === undefined) break;
    const slot = decoder.join();
    const prompt = [bosId, ...proteinVocabulary.encode(request.prompt)];
    const logits = (await decoder.prefill(new Map([[slot, prompt]]))).get(slot);
    if (logits !== undefined) running.set(slot, { request, logits });
  }
  // One token for all that run.
  const next = new Map();
  for (const [slot, { request, logits }] of running) {
    const token = mostProbableResidue(logits);
    request.tokens.push(token);
    if (request.tokens.length < request.wanted) next.set(slot, token);
    else {
      running.delete(slot);
      decoder.leave(slot);
    }
  }
  for (const [slot, logits] of await decoder.step(next)) {
    const entry = running.get(slot);
    if (entry !== undefined) entry.logits = logits;
  }
  steps++;
}
const written = requests.reduce((total, { tokens }) => total + tokens.length, 0);
console.log(`${requests.length} requests, ${written} tokens in ${steps} steps of ${decoder.slots} slots`);

// A snapshot is plain arrays: it can be stored, and continued later or elsewhere, to the last bit.
const slot = decoder.join();
await decoder.prefill(new Map([[slot, [bosId, ...proteinVocabulary.encode("MKVLAT")]]]));
const stored = structuredClone(decoder.snapshot(slot));
const restored = decoder.restore(stored);
const token = proteinVocabulary.encode("G")[0] ?? bosId;
const both = await decoder.step(new Map([slot, restored].map((each) => [each, token])));
const same = both.get(slot)?.every((logit, index) => logit === both.get(restored)?.[index]);
console.log(
  `position ${decoder.position(restored)}: the restored sequence ${same ? "goes on as the first" : "DIFFERS"}`,
);

await decoder[Symbol.asyncDispose]();

/** @param {Float32Array} logits */
function mostProbableResidue(logits) {
  const residues = proteinVocabulary.encode("ACDEFGHIKLMNPQRSTVWY");
  return residues.reduce((best, id) => ((logits[id] ?? 0) > (logits[best] ?? 0) ? id : best));
}
