/** Evaluation: against a computation by hand from logits, and on a model that knows nothing. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { logits } from "../model/performer.ts";
import { predictions } from "../model/predictions.ts";
import { input } from "../ops/source.ts";
import { drawLabels, farLabels } from "../../tests/data/far-labels.ts";
import { present, randomBatch, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { batchOf } from "../../tests/model/kinds.ts";
import type { Batch } from "../data/batch.ts";
import { createEvaluator } from "./evaluate.ts";
import { modelInputs } from "../model/inputs.ts";

const TOLERANCE = {
  /** Mean losses from logits in float32. */
  loss: 1e-5,
  /**
   * Figures of a regression against float64, as a share of themselves where they are above 1; predictions are the same.
   */
  figures: 1e-9,
} as const;

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

/** The length of every batch, so that one compiled graph serves all. */
const ROWS = 17;

describe.each(Object.entries(farLabels))("a regression of labels such as %s", (_name, { centre, deviation }) => {
  const regression = tinyConfig({
    head: "regression",
    architecture: "encoder",
    labelMean: centre,
    labelDeviation: deviation,
  });
  const weights = tinyTensors(regression);
  const sizes = [13, 7, 11, 1, 13];
  const labels = drawLabels(
    { centre, deviation },
    sizes.reduce((a, b) => a + b),
  );
  let taken = 0;
  const batches = sizes.map((size, index): Batch => {
    const own = batchOf(regression, { batchSize: ROWS, seqLen: 7, lengths: [7, 3, 5], seed: index });
    // The last rows are padding, whose numbers must not count.
    const rows = (of: (row: number) => number) => Array.from({ length: ROWS }, (_, row) => (row < size ? of(row) : 0));
    const targetValues = Float64Array.from(rows((row) => present(labels[taken + row])));
    taken += size;
    return { ...own, targetValues, weights: Float32Array.from(rows(() => 1)) };
  });

  it.each(["none", "blocks"] as const)(
    "has the figures of float64, with checkpoints at %s",
    async (gradientCheckpointing) => {
      const predicted = await allPredictions();
      const wanted = figuresInFloat64(labels, predicted);
      await using evaluator = createEvaluator(regression, backend, { gradientCheckpointing });
      const result = await evaluator.evaluate(weights, batches);
      const found = present(result.regression);
      expect(result).toMatchObject({ tokens: labels.length, lossNats: found.meanSquaredError });
      for (const name of ["meanSquaredError", "rSquared", "pearson"] as const) {
        const scale = Math.max(1, Math.abs(wanted[name]));
        expect(Math.abs(found[name] - wanted[name]) / scale, name).toBeLessThan(TOLERANCE.figures);
      }
      expect(Math.abs(found.pearson)).toBeLessThanOrEqual(1);
      expect(found.rSquared).toBeLessThanOrEqual(1);
    },
  );

  it("has no R² and no correlation where labels do not vary, or of a single row", async () => {
    const constant = batches.map((batch) => ({
      ...batch,
      targetValues: Float64Array.from(present(batch.targetValues), () => centre + 0.1),
    }));
    await using evaluator = createEvaluator(regression, backend);
    for (const few of [constant, batches.slice(3, 4)]) {
      const { regression: figures } = await evaluator.evaluate(weights, few);
      expect(figures).toEqual({ meanSquaredError: expect.any(Number), rSquared: Number.NaN, pearson: Number.NaN });
      expect(figures?.meanSquaredError).toBeGreaterThan(0);
    }
  });

  it("is refused where the model predicts no numbers", async () => {
    const broken = Object.fromEntries(
      Object.entries(weights).map(([name, array]) => [
        name,
        name === "classifier.bias" ? { ...array, data: Float32Array.of(Number.NaN) } : array,
      ]),
    );
    await using evaluator = createEvaluator(regression, backend);
    await expect(evaluator.evaluate(broken, batches)).rejects.toThrow(
      /predictions must be finite numbers, got NaN; the weights are damaged or training has diverged/,
    );
  });

  async function allPredictions(): Promise<number[]> {
    const y = predictions(modelInputs(regression), { inputIds: input("ids", [ROWS, 7], "int32") });
    await using run = await backend.compile({ outputs: { y } });
    const found: number[] = [];
    for (const { inputIds, weights: counts } of batches) {
      const { data } = present((await run.run({ ids: inputIds, ...weights }))["y"]);
      found.push(...Array.from(data, Number).filter((_, row) => counts[row] === 1));
    }
    return found;
  }
});

/** By the formulas, from numbers as they lie about the first label, where nothing cancels. */
function figuresInFloat64(labels: readonly number[], predicted: readonly number[]) {
  const near = (values: readonly number[]) => values.map((value) => value - present(labels[0]));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const about = (values: readonly number[]) => values.map((value) => value - sum(values) / values.length);
  const [x, y] = [near(labels), near(predicted)];
  const products = (a: readonly number[], b: readonly number[]) =>
    sum(a.map((value, index) => value * present(b[index])));
  const errors = x.map((value, index) => present(y[index]) - value);
  const [ofLabels, ofPredicted] = [about(x), about(y)];
  const squares = products(ofLabels, ofLabels);
  return {
    meanSquaredError: products(errors, errors) / x.length,
    rSquared: 1 - products(errors, errors) / squares,
    pearson: products(ofLabels, ofPredicted) / Math.sqrt(squares * products(ofPredicted, ofPredicted)),
  };
}

async function rowsOfLogits({ batchSize, seqLen, inputIds }: Batch): Promise<number[][]> {
  const y = logits(modelInputs(config), input("ids", [batchSize, seqLen], "int32"));
  await using run = await backend.compile({ outputs: { y } });
  const { data } = present((await run.run({ ids: inputIds, ...tensors }))["y"]);
  const width = config.vocabSize;
  return Array.from({ length: batchSize * seqLen }, (_, row) =>
    Array.from(data.slice(row * width, (row + 1) * width), Number),
  );
}
