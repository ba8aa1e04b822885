/** Benchmarks of whole models: what is counted, and the shape of the result on tiny real runs. */

import { beforeEach, describe, expect, it } from "vitest";

import type { TaskEvent } from "../runs/events.ts";
import { modelConfig } from "../model/index.ts";
import { benchDecode, decodeSteps } from "./decode.ts";
import { stepFlop } from "./flop.ts";
import { benchTrain } from "./train.ts";

const tiny = { modelDim: 16, numLayers: 1, numHeads: 2, numFeatures: 8, dropout: 0 } as const;

describe("the operations of a training step", () => {
  it("are those of the textbook's products, written out for one layer", () => {
    const config = modelConfig({ ...tiny, vocabSize: 29, mlpDim: 32 });
    const tokens = 10;
    const dense = 2 * tokens * (4 * 16 * 16 + 2 * 16 * 32);
    const head = 2 * tokens * (8 * 8 + 8 * 8 + 8 * 9 + 8 * 9 + 64 * 8 + 64 * 9);
    expect(stepFlop(config, tokens)).toBe(3 * (dense + 2 * head + 2 * tokens * 16 * 29));
  });

  it("are 95 GFLOP for 4 layers of width 256 over 4 × 1,024 tokens", () => {
    const config = modelConfig({ vocabSize: 29, modelDim: 256, numLayers: 4, numHeads: 4, numFeatures: 128 });
    expect(stepFlop(config, 4096) / 1e9).toBeCloseTo(95.3, 1);
  });
});

it("bench train trains, and relates the step to the product rate of the same run", async () => {
  const { gemm, rows } = await benchTrain({ model: tiny, batchSize: 2, seqLen: 64, steps: 2, threads: 1 });
  const [row] = rows;
  expect(row).toMatchObject({ model: expect.stringContaining("2 × 64 tokens") });
  expect(row?.stepMs).toBeGreaterThan(0);
  expect(row?.shareOfGemm).toBeCloseTo((row?.gflop ?? 0) / ((row?.stepMs ?? 1) / 1000) / gemm.gflops, 10);
  expect(row?.tokensPerSecond).toBeCloseTo(128_000 / (row?.stepMs ?? 1), 6);
  expect(row?.peakBytes).toBeGreaterThan(1e7);
});

it("bench train reads long sequences in parts", async () => {
  const settings = { model: tiny, batchSize: 1, seqLen: 150, segmentLength: 32, steps: 1, threads: 1 };
  const { rows } = await benchTrain(settings);
  expect(rows[0]?.model).toContain("1 × 150 tokens in parts of 32, ");
  expect(rows[0]?.tokensPerSecond).toBeCloseTo(150_000 / (rows[0]?.stepMs ?? 1), 6);
});

describe("bench decode", () => {
  const decode = { threads: 1, tokens: 20, model: tiny } as const;
  const progress: (number | undefined)[] = [];
  const onEvent = (event: TaskEvent) => {
    if (event.type === "progress") progress.push(event.done, event.total);
  };
  beforeEach(() => progress.splice(0));

  it("really reads up to every position, compares with position 1,000, and counts the tokens of all sequences", async () => {
    const { rows } = await benchDecode({ ...decode, positions: [3, 1050], batches: [1, 2] }, { onEvent });
    const total = 2 * (1050 + 3 * 20);
    expect(progress).toEqual([500, total, 1000, total, 1500, total, 2000, total]);
    expect(rows.map(({ position, batch, tokensRead }) => ({ position, batch, tokensRead }))).toEqual(
      [1, 2].flatMap((batch) => [3, 1000, 1050].map((position) => ({ position, batch, tokensRead: position }))),
    );
    for (const row of rows) {
      const reference = rows.find(({ position, batch }) => position === 1000 && batch === row.batch);
      expect(row.ratioToPosition1000).toBeCloseTo(row.medianMsPerToken / (reference?.medianMsPerToken ?? 0), 10);
      expect(row.tokensPerSecond).toBeCloseTo((1000 * row.batch) / row.medianMsPerToken, 6);
    }
  });

  it("jumps to a far position, of which it says how many tokens were read before it", async () => {
    const settings = { ...decode, positions: [1_000_000], batches: [1], jump: true };
    const { rows } = await benchDecode(settings, { onEvent });
    expect(decodeSteps(settings)).toBe(2040);
    expect(progress.slice(-2)).toEqual([2000, 2040]);
    expect(rows.map(({ position, tokensRead }) => ({ position, tokensRead }))).toEqual([
      { position: 1000, tokensRead: 1000 },
      { position: 1_000_000, tokensRead: 1000 },
    ]);
  });
});
