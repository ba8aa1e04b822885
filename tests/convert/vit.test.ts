/** Tiny models of images that transformers has saved: their preparation, their numbers, and what is refused. */

import { describe, expect, it } from "vitest";

import { createBackend } from "#engine";
import { convertPretrained, embedImages, embedTexts } from "../../src/convert/index.ts";
import { resample } from "../../src/convert/images/resample.ts";
import { decodeImage } from "../../src/data/images/codecs.ts";
import { hiddenStates, logits } from "../../src/model/performer.ts";
import { changedJson, compute, largestDifference, TOLERANCE } from "./golden.ts";
import { bytesOf, encoded, filesOf, goldenOf, imageModels, load, loadWith } from "./vit.ts";

const backend = createBackend();

describe.each(imageModels)("a folder of %s", (name) => {
  it("resizes and crops images as Pillow does, intensity by intensity", async () => {
    const { ids } = await encoded(name);
    const { intensities } = await goldenOf(name);
    expect(ids.map((each) => each.slice(1, -1).map((id) => id - 4))).toEqual(intensities);
  });

  it("has the original's last hidden states, at the vector in front and at every square", async () => {
    const { model, ids } = await encoded(name);
    const { lastHiddenState, shape } = await goldenOf(name);
    const found = await compute(model, ids, hiddenStates);
    expect(found).toHaveLength(shape[0] * shape[1] * shape[2]);
    expect(largestDifference(found, lastHiddenState)).toBeLessThan(TOLERANCE);
    expect(new Set(lastHiddenState).size).toBeGreaterThan(lastHiddenState.length / 2);
  });

  it("gives images the state in front as their vector, and with pooling residues one a square", async () => {
    const { images, shape, lastHiddenState } = await goldenOf(name);
    const model = await load(name);
    const files = await Promise.all(images.map((file) => bytesOf(name, file)));
    const vectors = await embedImages(model, files, { backend });
    const squares = await embedImages(model, files, { backend, pooling: "residues" });
    const [, places, width] = shape;
    for (const row of files.keys()) {
      const own = lastHiddenState.slice(row * places * width, (row + 1) * places * width);
      expect(largestDifference(vectors[row]?.data ?? [], own.slice(0, width))).toBeLessThan(TOLERANCE);
      expect(squares[row]?.shape).toEqual([places - 1, width]);
      expect(largestDifference(squares[row]?.data ?? [], own.slice(width))).toBeLessThan(TOLERANCE);
    }
  });
});

describe("a model of images", () => {
  it("keeps its classifier, which reads the vector in front, and says what it leaves out", async () => {
    const { model, ids } = await encoded("vit");
    expect(model.config).toMatchObject({ head: "sequence-classification", numLabels: 3, pooling: "first" });
    const found = await compute(model, ids, logits);
    expect(largestDifference(found, (await goldenOf("vit")).logits ?? [])).toBeLessThan(TOLERANCE);
    expect(model.unused).toEqual([]);
    expect((await load("deit")).config.head).toBe("none");
  });

  it("takes images whose shortest side is brought to a size and cropped, and unscaled ones", async () => {
    const square = { do_center_crop: true, crop_size: 12 };
    const model = await loadWith("preprocessor_config.json", { size: { shortest_edge: 14 }, ...square });
    const image = await decodeImage(await bytesOf("vit", "image-1.png"), "image-1.png");
    const small = resample(image, Math.trunc((14 * 29) / 19), 14, 2);
    expect(small).toMatchObject({ width: 21, height: 14 });
    const middle = Array.from({ length: 12 * 12 * 3 }, (_, index) => {
      const [y, x] = [Math.floor(index / 36) + 1, Math.floor((index % 36) / 3) + 4];
      return 4 + (small.pixels[(y * 21 + x) * 3 + (index % 3)] ?? 0);
    });
    expect([...(model.encodeImage?.(image).tokenIds ?? [])]).toEqual(middle);
    const raw = await loadWith("preprocessor_config.json", { do_rescale: false, do_normalize: false });
    // An intensity x from 0 to 1 is to enter as 255 x.
    expect(raw.config.patches).toMatchObject({ mean: [0, 0, 0], deviation: [1 / 255, 1 / 255, 1 / 255] });
  });

  it("reads grey images as colour ones of three equal channels", async () => {
    const model = await load("vit");
    const pixels = Uint8Array.from({ length: 35 }, (_, index) => index * 7);
    const grey = { width: 7, height: 5, channels: 1, pixels } as const;
    const colour = { ...grey, channels: 3, pixels: spread(pixels) } as const;
    expect(model.encodeImage?.(grey)).toEqual(model.encodeImage?.(colour));
  });
});

/** Each value three times. */
function spread(values: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: 3 * values.length }, (_, index) => values[Math.floor(index / 3)] ?? 0);
}

describe("what is refused of models of images", () => {
  it("names the tensor that has another shape than config.json says", async () => {
    await expect(loadWith("config.json", { patch_size: 3 })).rejects.toThrow(
      "'vit.embeddings.patch_embeddings.projection.weight' must be float[12, 3, 3, 3], as config.json says, got float32[12, 3, 4, 4]",
    );
    await expect(loadWith("config.json", { num_channels: 1 })).rejects.toThrow(
      "'image_mean' must hold a number for each of 1 channels",
    );
    await expect(
      load("vit", {
        "config.json": changedJson((await filesOf("vit"))["config.json"], { num_channels: 1 }),
        "preprocessor_config.json": "{}",
      }),
    ).rejects.toThrow("[12, 1, 4, 4], as config.json says, got float32[12, 3, 4, 4]");
    await expect(loadWith("config.json", { image_size: 16 })).rejects.toThrow(
      "preprocessor_config.json: 'size' must be image_size of config.json, 16 × 16, got 12 × 12",
    );
    await expect(
      load("vit", {
        "config.json": changedJson((await filesOf("vit"))["config.json"], { image_size: 16 }),
        "preprocessor_config.json": "{}",
      }),
    ).rejects.toThrow("'vit.embeddings.position_embeddings' must be float[1, 17, 12]");
    await expect(loadWith("config.json", { qkv_bias: false })).rejects.toThrow(".bias'");
  });

  it("names the setting that does not fit", async () => {
    await expect(loadWith("config.json", { patch_size: 5 })).rejects.toThrow(
      "vit/config.json: model: patches.size must divide the width and the height of images, 12 and 12, got 5",
    );
    await expect(loadWith("config.json", { num_channels: 4 })).rejects.toThrow("'num_channels' must be valid");
    await expect(loadWith("preprocessor_config.json", { resample: 6 })).rejects.toThrow("'resample' must be valid");
    await expect(loadWith("preprocessor_config.json", { image_mean: [0.5] })).rejects.toThrow(
      "'image_mean' must hold a number for each of 3 channels, deviations above 0, got 0.5",
    );
    await expect(loadWith("preprocessor_config.json", { image_std: [1, 0, 1] })).rejects.toThrow("'image_std'");
    await expect(
      loadWith("preprocessor_config.json", { do_center_crop: true, crop_size: { shortest_edge: 12 } }),
    ).rejects.toThrow("'crop_size' must be a width and a height, 12 × 12");
  });

  it("tells images apart from what is none, and from those of another size", async () => {
    const model = await load("vit");
    await expect(embedImages(model, [new TextEncoder().encode("GIF89a")], { backend })).rejects.toThrow(
      "image 1: an image must be a PNG or a JPEG file, got a file that starts with",
    );
    const whole = await bytesOf("vit", "image-1.png");
    await expect(embedImages(model, [whole, whole.subarray(0, 700)], { backend })).rejects.toThrow("image 2: ");
    await expect(embedTexts(model, ["a cat"], { backend })).rejects.toThrow(
      "text 1: a model of images must be given images, got a text; use encodeImage",
    );
    const asIs = await loadWith("preprocessor_config.json", { do_resize: false });
    await expect(embedImages(asIs, [whole], { backend })).rejects.toThrow(
      "image 1: the image must be 12 × 12 pixels, for vit/preprocessor_config.json does not bring it there, got 29 × 19",
    );
    const cropped = await loadWith("preprocessor_config.json", { size: 7, do_center_crop: true, crop_size: 12 });
    await expect(embedImages(cropped, [whole], { backend })).rejects.toThrow("got 7 × 7");
    expect(() => convertPretrained(model, { mechanism: "favor", seed: 0, maxSeqLen: 500 })).toThrow(
      "images must be of 12 × 12 pixels, got a maxSeqLen of 500",
    );
  });
});
