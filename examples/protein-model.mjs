// The ready model: create, train on your sequences, evaluate, generate, save, load.
//
// Run it after `npm run build`:  node examples/protein-model.mjs
// (Ten seconds of training teach letter frequencies and little more; `performer train` is for the real thing.)

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadEmbeddedProteins } from "performer-ts/data";
import { PerformerForCausalLM, proteinVocabulary } from "performer-ts";

// Your own sequences are an array of strings; these are from the data that come with the package.
const { splits } = await loadEmbeddedProteins();
const strings = (/** @type {readonly { tokenIds: Int32Array }[]} */ records) =>
  records.map(({ tokenIds }) => proteinVocabulary.decode(tokenIds)).filter(({ length }) => length < 128);
const train = strings(splits.train).slice(0, 200);
const valid = strings(splits.valid).slice(0, 20);

const model = PerformerForCausalLM.create({ modelDim: 32, numLayers: 2, numHeads: 2, maxSeqLen: 128, seed: 7 });
console.log(`${model.numParameters} weights, ${train.length} sequences`);

await model.train(train, {
  steps: 60,
  warmupSteps: 6,
  learningRate: 0.01,
  tokensPerBatch: 1024,
  onStep: ({ step, totalSteps, lossNats }) => {
    if (step % 20 === 0) console.log(`step ${step} of ${totalSteps}  loss ${lossNats.toFixed(3)}`);
  },
});

const { accuracy, perplexity } = await model.evaluate(valid);
console.log(`validation: accuracy ${(100 * accuracy).toFixed(1)} %, perplexity ${perplexity.toFixed(2)} of 29`);

const options = { max_new_tokens: 40, num_return_sequences: 3, temperature: 0.8, seed: 1 };
const generated = await model.generate("MKV", options);
for (const { sequence } of generated) console.log(`generated: ${sequence}`);

const folder = await mkdtemp(join(tmpdir(), "protein-model-"));
try {
  await model.save_pretrained(folder);
  const loaded = await PerformerForCausalLM.from_pretrained(folder);
  const again = await loaded.generate("MKV", options);
  const same = again.every(({ sequence }, index) => sequence === generated[index]?.sequence);
  console.log(same ? "saved, loaded: generates the same sequences" : "saved, loaded: DIFFERS");
} finally {
  await rm(folder, { recursive: true, force: true });
}
