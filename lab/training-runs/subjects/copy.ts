/**
 * The copy task: a random word, and the same word again, each behind a 0; what counts is the second one.
 *
 * Source: Likhosherstov et al., Sub-Linear Memory: How to Make Performers SLiM, arXiv:2012.11346, section 4.
 */

import { problem } from "performer-ts/graph";
import { ConfigError } from "performer-ts/model";
import { createRandom } from "performer-ts/random";
import type { TrainingBatch } from "performer-ts/training";
import { measures, type SubjectMaker } from "../subject.ts";

/** The published vocabulary, whose first token only marks where a word begins. */
const VOCABULARY = 256;
const LENGTH = 512;
/** Rows of an evaluation: 2,040 predicted tokens. */
const EVALUATION_ROWS = 8;

export const copySubject: SubjectMaker = async ({ objective, length = LENGTH, quick }, { tokensPerBatch }) => {
  if (objective !== "causal") {
    throw new ConfigError(problem`lab: the copy task must be causal, got masked; leave --objective out`);
  }
  if (length % 2 !== 0 || length < 4) {
    throw new ConfigError(problem`lab: the copy task must have an even length from 4 on, got ${length}; use ${LENGTH}`);
  }
  const rows = Math.max(1, Math.floor(tokensPerBatch / length));
  return {
    title: "the copy task",
    measure: measures.perplexity,
    model: {
      vocabSize: VOCABULARY,
      // One layer, as published: it can only copy by finding the same place of the word before, by position.
      numLayers: 1,
      modelDim: 256,
      numHeads: 4,
      mlpDim: 1024,
      maxSeqLen: length,
      positions: "learned",
      dropout: 0,
    },
    batches: (seed) => ({ batchAt: (step) => copyBatch(rows, length, ["train", seed, step]) }),
    valid: [copyBatch(EVALUATION_ROWS, length, ["valid"])],
    test: Array.from({ length: quick ? 1 : 8 }, (_, index) => copyBatch(EVALUATION_ROWS, length, ["test", index])),
  };
};

/** The row 0 w 0 w without its last token, and without its first as targets; those of the second w count. */
export function copyBatch(batchSize: number, length: number, path: readonly (string | number)[]): TrainingBatch {
  const half = length / 2;
  const seqLen = length - 1;
  const random = createRandom(0, "copy-task", ...path);
  const inputIds = new Int32Array(batchSize * seqLen);
  const targetIds = new Int32Array(batchSize * seqLen);
  const weights = new Float32Array(batchSize * seqLen);
  for (let row = 0; row < batchSize; row++) {
    const word = Int32Array.from({ length: half - 1 }, () => 1 + random.integer(VOCABULARY - 1));
    const tokens = [0, ...word, 0, ...word];
    for (let t = 0; t < seqLen; t++) {
      const place = row * seqLen + t;
      inputIds[place] = tokens[t] ?? 0;
      targetIds[place] = tokens[t + 1] ?? 0;
      weights[place] = t >= half ? 1 : 0;
    }
  }
  return { batchSize, seqLen, inputIds, targetIds, weights };
}
