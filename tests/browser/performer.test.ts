/**
 * The package in the browser: it loads without Node, and on wasm it computes and learns what it does in Node on the
 * CPU.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createBackend } from "#engine";
import { embedTexts } from "../../src/convert/index.ts";
import { createRandom, fillNormal } from "../../src/random/index.ts";
import { loadGolden } from "../convert/golden.ts";
import { present, relativeError } from "../model/harness.ts";
import { browserSuite, chromiumPath, openBrowser, type BrowserHarness, type Json } from "./harness.ts";
import * as inNode from "./pages/performer.ts";
import type { AttentionCase, TrainingCase } from "./performer-cases.ts";

const TOLERANCE = {
  /** Float32 on two builds of the engine, whose sums and exponentials differ in the last places. */
  attention: 1e-5,
  loss: 1e-5,
  /**
   * The first update divides each gradient by its own size, so a weight whose gradient is mere rounding may move by up
   * to the learning rate either way: compared are all weights together, by their Euclidean distance.
   */
  update: 1e-3,
} as const;

const dims = [151, 24];
function normal(name: string): number[] {
  return Array.from(fillNormal(createRandom(7, name), new Float32Array(151 * 24)));
}

const training: TrainingCase = {
  model: {
    vocabSize: 11,
    modelDim: 12,
    numLayers: 2,
    numHeads: 2,
    mlpDim: 17,
    numFeatures: 7,
    maxSeqLen: 71,
    dropout: 0.25,
  },
  training: { seed: 7, steps: 1, warmupSteps: 0 },
  batch: {
    batchSize: 2,
    seqLen: 71,
    inputIds: Array.from({ length: 142 }, (_, i) => (i * 7 + 3) % 11),
    targetIds: Array.from({ length: 142 }, (_, i) => (i * i + 5) % 11),
    weights: Array.from({ length: 142 }, (_, i) => Number(i < 130)),
  },
};

describe.skipIf(chromiumPath === undefined)(browserSuite("the package in a page"), () => {
  let browser: BrowserHarness;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => {
    // Unset when the browser did not start, in which case that is the error to show.
    await browser?.close();
  });

  it("loads without any of Node's modules and takes wasm", async () => {
    const loaded = (await browser.runInPage("pages/performer.ts", "loadedModules")) as {
      readonly names: readonly string[];
      readonly device: string;
    }; // what the page's function returns
    expect(loaded.device).toBe("wasm");
    expect(loaded.names).toContain("/src/models/performer-for-causal-lm.ts");
    expect(loaded.names).toContain("/src/runtime/web.ts");
    expect(loaded.names).toContain("/src/files/web.ts");
    const foreign = /node:|browser-external|onnxruntime-node|(runtime|files)\/node/;
    expect(loaded.names.filter((name) => foreign.test(name))).toEqual([]);
  });

  it.each([true, false])("computes FAVOR+ as Node does, causal: %s", async (causal) => {
    const argument: AttentionCase = {
      q: normal("q"),
      k: normal("k"),
      v: normal("v"),
      dims,
      options: { numHeads: 3, numFeatures: 13, seed: 7, causal },
    };
    const expected = await inNode.attend(argument);
    const actual = (await browser.runInPage("pages/performer.ts", "attend", asJson(argument))) as typeof expected;
    expect(actual.dims).toEqual(dims);
    expect(relativeError(actual.data, expected.data)).toBeLessThan(TOLERANCE.attention);
  });

  it("learns in one step what Node learns: the same loss, the same weights", async () => {
    const expected = await inNode.trainOneStep(training);
    const actual = (await browser.runInPage("pages/performer.ts", "trainOneStep", asJson(training))) as typeof expected;
    expect(Math.abs(actual.lossNats - expected.lossNats)).toBeLessThan(TOLERANCE.loss);
    expect(Object.keys(actual.weights)).toEqual(Object.keys(expected.weights));
    let [difference, moved] = [0, 0];
    const start = await inNode.startingWeights(training);
    for (const [name, values] of Object.entries(expected.weights)) {
      values.forEach((value, index) => {
        difference += (present(actual.weights[name]?.[index], name) - value) ** 2;
        moved += (value - present(start[name]?.[index], name)) ** 2;
      });
    }
    expect(moved).toBeGreaterThan(0);
    expect(Math.sqrt(difference / moved)).toBeLessThan(TOLERANCE.update);
  });

  it("loads a pretrained model from its address, and from files", async () => {
    const text = "a man is eating bread";
    const argument = { path: "/tests/convert/golden/roberta/", text };
    const found = (await browser.runInPage("pages/performer.ts", "embedFromAddress", argument)) as number[][];
    const [expected] = await embedTexts(await loadGolden("roberta"), [text], { backend: createBackend() });
    expect(found).toHaveLength(2);
    for (const vector of found)
      expect(relativeError(vector, [...present(expected).data])).toBeLessThan(TOLERANCE.attention);
  });
});

/** The case as it crosses: it is made of numbers, texts and lists. */
function asJson(value: AttentionCase | TrainingCase): Json {
  return JSON.parse(JSON.stringify(value)) as Json; // JSON.parse returns nothing else
}
