/** Evaluation: against a computation by hand from logits, and on a model that knows nothing. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { logits } from "../model/performer.ts";
import { input } from "../ops/source.ts";
import { present, randomBatch, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import type { Batch } from "./batch.ts";
import { createEvaluator } from "./evaluate.ts";
import { modelInputs } from "../model/inputs.ts";

/** Mean losses from float32 sums. */
const TOLERANCE = { loss: 1e-5 } as const;

const config = tinyConfig();
const tensors = tinyTensors(config);
const backend = createBackend();

describe("an evaluator", () => {
  it("finds a perplexity of the vocabulary's size where all logits are equal", async () => {
    const embedding = present(tensors["tokenEmbedding.weight"]);
    const constant = { ...embedding, data: new Float32Array(embedding.data.length) };
    await using evaluator = createEvaluator(config, backend);
    const result = await evaluator.evaluate({ ...tensors, "tokenEmbedding.weight": constant }, [
      randomBatch(config, 3, 7),
    ]);
    expect(result.perplexity).toBeCloseTo(config.vocabSize, 4);
    expect(result.lossNats).toBeCloseTo(Math.log(config.vocabSize), 5);
  });

  it("equals a naive computation from the logits, weighted over batches of different sizes", async () => {
    const batches = [
      randomBatch(config, 2, 13, { seed: 5, lengths: [13, 4] }),
      randomBatch(config, 1, 7, { seed: 6, lengths: [3] }),
    ];
    let [tokens, correct, loss] = [0, 0, 0];
    for (const batch of batches) {
      const rows = await rowsOfLogits(batch);
      rows.forEach((row, index) => {
        if (batch.weights[index] === 0) return;
        const target = present(batch.targetIds[index]);
        tokens++;
        correct += Number(row.indexOf(Math.max(...row)) === target);
        loss += Math.log(row.reduce((total, value) => total + Math.exp(value), 0)) - present(row[target]);
      });
    }
    const done: number[] = [];
    await using evaluator = createEvaluator(config, backend);
    const result = await evaluator.evaluate(tensors, batches, (count) => done.push(count));
    expect(done).toEqual([1, 2]);
    expect(tokens).toBe(20);
    expect(result.tokens).toBe(tokens);
    expect(result.accuracy).toBeCloseTo(correct / tokens, 12);
    expect(Math.abs(result.lossNats - loss / tokens)).toBeLessThan(TOLERANCE.loss);
    expect(result.perplexity).toBeCloseTo(Math.exp(result.lossNats), 12);
  });

  it("is not swayed by rows that are nothing but padding", async () => {
    const batch = randomBatch(config, 2, 7);
    const padded = randomBatch(config, 2, 7, { lengths: [7, 0] });
    const single: Batch = {
      batchSize: 1,
      seqLen: 7,
      inputIds: batch.inputIds.slice(0, 7),
      targetIds: batch.targetIds.slice(0, 7),
      weights: batch.weights.slice(0, 7),
    };
    await using evaluator = createEvaluator(config, backend);
    const one = await evaluator.evaluate(tensors, [single]);
    const two = await evaluator.evaluate(tensors, [padded]);
    expect(two.tokens).toBe(7);
    expect(Math.abs(two.lossNats - one.lossNats)).toBeLessThan(TOLERANCE.loss);
  });
});

async function rowsOfLogits({ batchSize, seqLen, inputIds }: Batch): Promise<number[][]> {
  const y = logits(modelInputs(config), input("ids", [batchSize, seqLen], "int32"));
  await using run = await backend.compile({ outputs: { y } });
  const { data } = present((await run.run({ ids: inputIds, ...tensors }))["y"]);
  const width = config.vocabSize;
  return Array.from({ length: batchSize * seqLen }, (_, row) =>
    Array.from(data.slice(row * width, (row + 1) * width), Number),
  );
}
