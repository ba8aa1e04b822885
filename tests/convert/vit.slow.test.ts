/** A model of images with another attention in its place: measured, calibrated, saved and read again. */

import { describe, expect, it } from "vitest";

import { createBackend } from "#engine";
import {
  calibrateAttention,
  convertedFiles,
  convertPretrained,
  embedImages,
  loadPretrained,
  memorySource,
  reportConversion,
} from "../../src/convert/index.ts";
import { logits } from "../../src/model/performer.ts";
import { compute, largestDifference } from "./golden.ts";
import { bytesOf, encoded, filesOf, goldenOf } from "./vit.ts";

const backend = createBackend();

describe("a converted model of images", () => {
  it("has another attention in its place as any other model, is measured, saved and read again", async () => {
    const { model, ids } = await encoded("vit");
    const tokenIds = ids.map((each) => each.slice(0, -1));
    const calibrated = await calibrateAttention({ ...model, tokenIds, backend });
    const same = await compute({ ...model, tensors: calibrated }, ids, logits);
    // Other weights, the same numbers: rounding in heads whose basis was turned.
    expect(largestDifference(same, (await goldenOf("vit")).logits ?? [])).toBeLessThan(1e-3);
    const converted = convertPretrained(model, { mechanism: "favor", numFeatures: 7, seed: 3 });
    const report = await reportConversion({
      model,
      converted,
      tokenIds,
      backend,
      seed: 0,
      redraws: 2,
      maxFeatures: 64,
    });
    expect(report).toMatchObject({ mechanism: "favor", numFeatures: 7, sequences: 2, tokens: 20 });
    const files = await convertedFiles(converted, memorySource("vit", await filesOf("vit")));
    expect(Object.keys(files).toSorted()).toEqual(["config.json", "model.safetensors", "preprocessor_config.json"]);
    const again = await loadPretrained(memorySource("saved", files));
    expect(again).toMatchObject({ reads: "images", modelType: "vit", pooling: "cls", config: converted.config });
    const image = await bytesOf("vit", "image-2.png");
    const [before] = await embedImages(converted, [image], { backend });
    const [after] = await embedImages(again, [image], { backend });
    expect(after).toEqual(before);
    const [exact] = await embedImages(model, [image], { backend });
    expect(after).not.toEqual(exact);
  });
});

describe("a model of images", () => {
  it("reads without preprocessor_config.json as with ViT's own, and without a size as with the model's", async () => {
    const { "config.json": config, "model.safetensors": weights } = await filesOf("vit");
    const image = await bytesOf("vit", "image-1.png");
    const vectorOf = async (files: Parameters<typeof memorySource>[1]) => {
      const [vector] = await embedImages(await loadPretrained(memorySource("m", files)), [image], { backend });
      return [...(vector?.data ?? [])];
    };
    const files = { "config.json": config ?? "", "model.safetensors": weights ?? "" };
    const expected = await vectorOf(await filesOf("vit"));
    expect(await vectorOf(files)).toEqual(expected);
    expect(await vectorOf({ ...files, "preprocessor_config.json": JSON.stringify({ size: 12 }) })).toEqual(expected);
    const brighter = { image_mean: [0.25, 0.25, 0.25] };
    expect(await vectorOf({ ...files, "preprocessor_config.json": JSON.stringify(brighter) })).not.toEqual(expected);
  });
});
