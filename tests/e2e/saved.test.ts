/** The commands on folders that save_pretrained wrote of models trained by the library. */

import { afterAll, beforeAll, expect, it } from "vitest";

import {
  PerformerForCausalLM,
  PerformerForMaskedLM,
  PerformerForSeq2SeqLM,
  PerformerForSequenceClassification,
} from "../../src/index.ts";
import { createWorkplace, oneThread, parseOnly, tinyFasta } from "./cli.ts";

const place = createWorkplace();
const size = { modelDim: 16, numLayers: 1, numHeads: 2, numFeatures: 7, mlpDim: 23, maxSeqLen: 64 };

beforeAll(async () => {
  place.write("tiny.fasta", tinyFasta());
  place.write("labels.csv", "sequence,label\nMKV,a\nACD,b\nMKVL,a\nACDE,b\nMKVV,a\nACDD,b\n");
  const models = {
    causal: PerformerForCausalLM.create(size),
    masked: PerformerForMaskedLM.create(size),
    classes: PerformerForSequenceClassification.create({ ...size, numLabels: 2, classNames: ["a", "b"] }),
    translator: PerformerForSeq2SeqLM.create(size),
  };
  for (const [name, model] of Object.entries(models)) await model.save_pretrained(place.path(name));
});
afterAll(() => place[Symbol.dispose]());

it.each([
  ["eval", "causal", "--fasta", "tiny.fasta", ...oneThread],
  ["eval", "masked", "--fasta", "tiny.fasta", ...oneThread],
  ["eval", "classes", "--data", "labels.csv", "--split", "train", ...oneThread],
  ["generate", "causal", "--prompt", "MK", "--count", "1"],
  ["score", "causal", "--sequence", "MKV"],
  ["score", "masked", "--sequence", "MKV"],
  ["embed", "masked", "--fasta", "tiny.fasta", "--out", "vectors.npy"],
  ["predict", "classes", "--sequence", "MKV"],
  ["attention", "masked", "--sequence", "MKVLAA", "--out", "page"],
  ["convert", "causal", "--out", "converted"],
  ["export", "causal", "--out", "exported"],
  ["lab", "diagnose", "causal", "--fasta", "tiny.fasta"],
  ["finetune", "masked", "--data", "labels.csv", "--set", "steps=2", "--out", "tuned", ...oneThread],
  ["train", "--init", "causal", "--fasta", "tiny.fasta", "--set", "steps=2", "--out", "further", ...oneThread],
  ["push", "causal", "me/mine", "--dry-run"],
])("%s %s", async (...args) => {
  const { code, stdout, stderr } = await place.run(...args, "--json");
  expect(code, stderr).toBe(0);
  expect(parseOnly(stdout)).toBeTypeOf("object");
});

it("says what a saved model does not hold", async () => {
  expect(await place.run("eval", "causal")).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/data to evaluate on must be named, because save_pretrained stores none .*--data/),
  });
  expect(await place.run("train", "--resume", "causal")).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/causal: a run must have a checkpoint to be resumed/),
  });
  expect(await place.run("eval", "translator")).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /translator\/config\.json: .*'encoder-decoder'.*PerformerForSeq2SeqLM\.from_pretrained/,
    ),
  });
});
