/**
 * Exported encoders whose mechanisms cut sequences into blocks: one graph for all lengths, which pads to whole blocks.
 */

import { describe, expect, it } from "vitest";

import { ConfigError } from "../../src/graph/errors.ts";
import { exportOnnx } from "../../src/convert/index.ts";
import type { ModelOptions } from "../../src/model/config.ts";
import { hiddenStates, logits } from "../../src/model/performer.ts";
import { encoderKinds } from "../model/kinds.ts";
import { compareEncoder, tinyEncoder } from "./onnx-encoders.ts";
import { int64, openExport } from "./onnx.ts";

/** No multiple of a block. */
const MOST = 91;

/** Of blocks of 16: less than one, as many tokens as some blocks, between, one more, and the longest sequence. */
const sizes = [
  [1, 1],
  [3, 5],
  [1, 16],
  [3, 32],
  [2, 33],
  [3, 59],
  [1, MOST],
  [3, MOST],
] as const;

/** Where the mechanism is not what is tried: less than a block, blocks and a rest. */
const few = [
  [1, 1],
  [3, 59],
] as const;

const window = { name: "local", window: 16 } as const;

function longEncoder(options: Partial<ModelOptions>) {
  return tinyEncoder({ maxSeqLen: MOST, mechanism: window, ...options });
}

describe("an exported encoder of blocks", () => {
  const mechanisms = {
    "a window": window,
    "a window of several blocks": { name: "local", window: 35 },
    "nothing but the own position": { name: "local", window: 1 },
    "windows of several sizes": [
      { name: "local", window: 7 },
      { name: "local", window: 52 },
    ],
    "windows beside global heads": {
      heads: [
        { ...window, numHeads: 1 },
        { name: "favor", numHeads: 1 },
      ],
    },
    "windows below exact attention": [window, "exact"],
    "windows below means over the sequence": [window, "efficient"],
    "statistics of the sequence": [window, "favor-saderf"],
    "a window and first tokens": { name: "longformer", window: 16, globalTokens: 3 },
    "more first tokens than a window has": { name: "longformer", window: 5, globalTokens: 17 },
    "a window of half as many positions as there are first tokens": [
      { name: "local", window: 7 },
      { name: "longformer", window: 5, globalTokens: 39 },
    ],
    "a window and strides": { name: "sparse-strided", stride: 16 },
    "blocks and their summaries": { name: "sparse-fixed", stride: 16, summaryPositions: 3 },
    "strides of half a block": [
      { name: "local", window: 64 },
      { name: "sparse-strided", stride: 16 },
      { name: "sparse-fixed", stride: 8 },
    ],
    "strides that cut no window's block evenly": [
      { name: "local", window: 81 },
      { name: "sparse-strided", stride: 16 },
    ],
    "strides of which none is a multiple of the other": [
      { name: "sparse-strided", stride: 12 },
      { name: "sparse-fixed", stride: 18 },
    ],
    "a learned projection of positions": "linformer",
    "two learned projections of positions": { name: "linformer", projectedLength: 13, shareKeyValue: false },
  } as const satisfies Record<string, ModelOptions["mechanism"]>;

  it.each(Object.entries(mechanisms))("gives our states at any length: %s", async (_name, mechanism) => {
    const numLayers = Array.isArray(mechanism) ? mechanism.length : 2;
    const exported = await compareEncoder(longEncoder({ mechanism, numLayers }), {}, hiddenStates, sizes);
    expect(exported).toMatchObject({
      longest: MOST,
      inputs: { input_ids: ["batch", "length"], attention_mask: ["batch", "length"] },
      outputs: { last_hidden_state: ["batch", "length", 12] },
    });
  });

  it.each(["learned", "sinusoidal", "axial", "none"] as const)("knows positions: %s", async (positions) => {
    await compareEncoder(longEncoder({ positions }), {}, hiddenStates, [...few, [1, MOST]]);
  });

  it.each(["learned", "axial"] as const)("fails beyond the last position: %s", async (positions) => {
    const session = await openExport(
      exportOnnx(longEncoder({ positions, ...(positions === "axial" && { axialShape: [7, 13] }) })),
    );
    const run = (length: number) => {
      const ids = int64(Array<number>(length).fill(5), [1, length]);
      return session.run({ input_ids: ids, attention_mask: ids });
    };
    await run(MOST);
    await expect(run(MOST + 1)).rejects.toThrow("idx=");
    await session.release();
  });

  it.each([
    window,
    { name: "longformer", window: 5, globalTokens: 3 },
    { name: "sparse-strided", stride: 16 },
  ] as const)("knows padding in front of texts, and texts of nothing else: $name", async (mechanism) => {
    await compareEncoder(longEncoder({ mechanism }), {}, hiddenStates, few, { padInFront: true });
  });

  it("knows what comes from the token before", async () => {
    await compareEncoder(longEncoder({ tokenShift: true, reversible: true }), {}, hiddenStates, few);
  });

  it.each(Object.entries(encoderKinds))("gives the predictions of %s", async (_name, options) => {
    // Its padding has an id of its own, by which the share of hidden tokens is counted.
    const model = longEncoder({ ...options, padId: 3 });
    await compareEncoder(model, { output: "predictions" }, (tensors, ids) => logits(tensors, ids), few);
  });

  it("reaches its greatest length where that is whole blocks, beside projections that end with it", async () => {
    const model = longEncoder({ maxSeqLen: 64, mechanism: [window, "linformer"] });
    const whole = [
      [1, 63],
      [3, 64],
    ] as const;
    await compareEncoder(model, {}, hiddenStates, whole);
  });

  it("serves texts longer than its own where positions have no end", async () => {
    const exported = await compareEncoder(longEncoder({}), { maxLength: 96 }, hiddenStates, [[2, 96]]);
    expect(exported.longest).toBe(96);
  });

  it.each([
    ["one block", 11],
    ["whole blocks", 48],
    ["blocks and a rest", 37],
  ])("serves one length alone: %s", async (_name, length) => {
    const both = [
      [1, length],
      [4, length],
    ] as const;
    const exported = await compareEncoder(longEncoder({}), { length }, hiddenStates, both);
    expect(exported.inputs).toMatchObject({ input_ids: ["batch", length] });
  });
});

describe("exportOnnx refuses", () => {
  it.each<[string, Partial<ModelOptions>, string]>([
    [
      "windows beside landmarks, which follow the length",
      { mechanism: [window, { name: "nystrom", numLandmarks: 4 }] },
      "must be the same at all lengths, got one of 'local, nystrom' that is not",
    ],
    [
      "heads of windows beside heads of chunks",
      {
        mechanism: {
          heads: [
            { ...window, numHeads: 1 },
            { name: "nystrom", numLandmarks: 4, numHeads: 1 },
          ],
        },
      },
      "must be the same at all lengths",
    ],
    [
      "projections that end before the last block does",
      { mechanism: [window, "linformer"] },
      "a sequence must have at most as many tokens as the projections have columns, 91, got 96",
    ],
  ])("%s", (_case, options, message) => {
    const attempt = () => exportOnnx(longEncoder(options));
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(message);
  });
});
