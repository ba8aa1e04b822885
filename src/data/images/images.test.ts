/** IDX, PNG and JPEG files to sequences and back, crops and sizes, and the embedded images. */
import { decode as decodePng, encode as encodePng } from "fast-png";
import { encode as encodeJpeg } from "jpeg-js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fashionClasses, loadEmbeddedImages, loadFashionMnist, loadImageFolder } from "../files-images.ts";
import { encodePixels } from "../vocabularies/pixels.ts";
import { decodeImage, encodePngImage } from "./codecs.ts";
import { loadIdxImages, loadImages } from "./datasets.ts";
import {
  bitsPerDimension,
  convertChannels,
  cropCentre,
  resizeImage,
  tileImage,
  toImage,
  type PixelImage,
} from "./pixels.ts";
import type { ByteSource } from "../bytes.ts";

const grey = (width: number, height: number, pixels: readonly number[]): PixelImage => ({
  width,
  height,
  channels: 1,
  pixels: Uint8Array.from(pixels),
});

const anyImage = fc
  .record({
    width: fc.integer({ min: 1, max: 7 }),
    height: fc.integer({ min: 1, max: 5 }),
    channels: fc.constantFrom(1, 3),
  })
  .chain(({ width, height, channels }) => {
    const length = width * height * channels;
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((pixels): PixelImage => ({ width, height, channels: channels === 1 ? 1 : 3, pixels }));
  });

function stream(bytes: Uint8Array): ByteSource {
  return new Blob([new Uint8Array(bytes)]).stream();
}

function idx(dims: readonly number[], data: readonly number[]): ByteSource {
  const header = dims.flatMap((dim) => [0, 0, dim >> 8, dim & 255]);
  return stream(Uint8Array.from([0, 0, 8, dims.length, ...header, ...data]));
}

describe("toImage", () => {
  test("gives back the pixels that were encoded, specials around them or not", () => {
    fc.assert(
      fc.property(anyImage, ({ pixels, ...shape }) => {
        const ids = encodePixels(pixels);
        expect(toImage(ids, shape)).toEqual({ ...shape, pixels });
        expect(toImage([1, ...ids, 2, 0], shape)).toEqual({ ...shape, pixels });
      }),
      { numRuns: 30 },
    );
  });

  test("leaves what is missing black and refuses what is too much or in between", () => {
    const shape = { width: 2, height: 1, channels: 1 } as const;
    expect(toImage([14], shape).pixels).toEqual(Uint8Array.of(10, 0));
    expect(() => toImage([4, 5, 6], shape)).toThrow("at most 2 intensities in a row, ids 4 to 259, got 6 as number 3");
    expect(() => toImage([4, 2, 5], shape)).toThrow("got 5 behind a special token as number 2");
    expect(() => toImage([260], shape)).toThrow("got 260");
  });
});

describe("PNG and JPEG", () => {
  test("a PNG comes back as it went", async () => {
    await fc.assert(
      fc.asyncProperty(anyImage, async (image) => {
        expect(await decodeImage(encodePngImage(image), "x.png")).toEqual(image);
      }),
      { numRuns: 20 },
    );
  });

  test("deeper, transparent and paletted PNGs become 8-bit pixels on white", async () => {
    const deep = encodePng({ width: 2, height: 1, channels: 1, depth: 16, data: Uint16Array.of(0, 65_535) });
    expect(await decodeImage(deep, "x")).toEqual(grey(2, 1, [0, 255]));
    const rgba = encodePng({
      width: 2,
      height: 1,
      channels: 4,
      depth: 8,
      data: Uint8Array.of(9, 8, 7, 255, 9, 8, 7, 0),
    });
    expect((await decodeImage(rgba, "x")).pixels).toEqual(Uint8Array.of(9, 8, 7, 255, 255, 255));
    const bits = encodePng({
      width: 10,
      height: 2,
      channels: 1,
      depth: 1,
      data: Uint8Array.of(0xaa, 0x80, 0x0f, 0x40),
    });
    expect(decodePng(bits).depth).toBe(1);
    const [o, w] = [0, 255];
    expect(await decodeImage(bits, "x")).toEqual(
      grey(10, 2, [w, o, w, o, w, o, w, o, w, o, o, o, o, o, w, w, w, w, o, w]),
    );
  });

  test("a JPEG of one colour keeps it", async () => {
    const data = Uint8Array.from({ length: 8 * 8 * 4 }, (_, i) => [200, 100, 50, 255][i % 4] ?? 0);
    const { data: bytes } = encodeJpeg({ width: 8, height: 8, data }, 95);
    const image = await decodeImage(bytes, "x.jpg");
    expect(image).toMatchObject({ width: 8, height: 8, channels: 3 });
    // JPEG rounds colours; flat areas stay within a few levels at this quality.
    for (const [i, value] of image.pixels.entries())
      expect(Math.abs(value - ([200, 100, 50][i % 3] ?? 0))).toBeLessThan(4);
  });

  test("other files and damaged ones are refused by name", async () => {
    await expect(decodeImage(new TextEncoder().encode("GIF89a"), "a.gif")).rejects.toThrow(
      'a.gif: an image must be a PNG or a JPEG file, got a file that starts with "GIF8"',
    );
    await expect(decodeImage(new Uint8Array(0), "a")).rejects.toThrow("an empty file");
    const png = encodePngImage(grey(3, 3, Array(9).fill(7)));
    await expect(decodeImage(png.subarray(0, 40), "cut.png")).rejects.toThrow("cut.png: the image must be complete");
    await expect(decodeImage(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0), "cut.jpg")).rejects.toThrow(
      "cut.jpg: the image",
    );
  });
});

describe("crops, sizes and colours", () => {
  test("resizing keeps the mean, and is the identity at the same size", () => {
    fc.assert(
      fc.property(anyImage, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (image, width, height) => {
        const mean = (pixels: Uint8Array) => pixels.reduce((sum, pixel) => sum + pixel, 0) / pixels.length;
        const resized = resizeImage(image, width, height);
        // Rounding moves each pixel by at most a half.
        expect(Math.abs(mean(resized.pixels) - mean(image.pixels))).toBeLessThanOrEqual(0.5 + 1e-9);
        expect(resizeImage(image, image.width, image.height)).toEqual(image);
      }),
      { numRuns: 30 },
    );
  });

  test("each new pixel is the mean of the area under it", () => {
    expect(resizeImage(grey(4, 2, [0, 10, 20, 30, 40, 50, 60, 71]), 2, 1).pixels).toEqual(Uint8Array.of(25, 45));
    expect(resizeImage(grey(3, 1, [0, 90, 30]), 2, 1).pixels).toEqual(Uint8Array.of(30, 50));
    expect(resizeImage(grey(1, 1, [7]), 3, 2).pixels).toEqual(new Uint8Array(6).fill(7));
  });

  test("the centre is the middle square, tiles lie side by side", () => {
    const image = grey(5, 2, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(cropCentre(image)).toEqual(grey(2, 2, [1, 2, 6, 7]));
    expect(tileImage(image, 2).map(({ pixels }) => [...pixels])).toEqual([
      [0, 1, 5, 6],
      [2, 3, 7, 8],
    ]);
  });

  test("grey is the luma of BT.601, colour from grey repeats", () => {
    const colours: PixelImage = { width: 2, height: 1, channels: 3, pixels: Uint8Array.of(255, 0, 0, 10, 20, 30) };
    expect(convertChannels(colours, 1)).toEqual(grey(2, 1, [76, 18]));
    expect(convertChannels(grey(2, 1, [3, 4]), 3).pixels).toEqual(Uint8Array.of(3, 3, 3, 4, 4, 4));
  });

  test("a fair coin a dimension is one bit", () => {
    expect(bitsPerDimension(Math.log(2))).toBe(1);
  });
});

describe("loadImages", () => {
  const file = (name: string, image: PixelImage) => ({
    name,
    source: stream(encodePngImage(image)),
    split: "train" as const,
  });

  test("reads images as sequences of intensities of one shape", async () => {
    const { splits, imageShape, vocabulary } = await loadImages({
      sources: [file("wide.png", grey(4, 2, [9, 0, 10, 9, 9, 20, 30, 9]))],
      size: 1,
    });
    expect(imageShape).toEqual({ width: 1, height: 1, channels: 3 });
    expect(splits.train).toEqual([{ id: "wide.png", tokenIds: Int32Array.of(19, 19, 19) }]);
    expect(vocabulary.toJSON()).toEqual({ kind: "pixels", ...imageShape });
  });

  test("cuts tiles where it is asked to", async () => {
    const sources = [file("a.png", grey(2, 2, [1, 2, 3, 4]))];
    const { splits } = await loadImages({ sources, size: 1, channels: 1, crop: "tiles" });
    expect(splits.train.map(({ id, tokenIds }) => `${id} ${tokenIds.join()}`)).toEqual([
      "a.png#1 5",
      "a.png#2 6",
      "a.png#3 7",
      "a.png#4 8",
    ]);
  });

  test("refuses none, several shapes without a size, and images smaller than a tile", async () => {
    await expect(loadImages({ sources: [] })).rejects.toThrow("data set images: there must be at least one image");
    const two = [file("a.png", grey(1, 1, [1])), file("b.png", grey(2, 1, [1, 2]))];
    await expect(loadImages({ sources: two })).rejects.toThrow(
      "b.png: without a size all images must have the shape of the first, 1 × 1, got 2 × 1; pass a size",
    );
    const small = [file("a.png", grey(1, 1, [1]))];
    await expect(loadImages({ sources: small, size: 2, crop: "tiles" })).rejects.toThrow(
      "at least as large as a tile, 2 × 2",
    );
    await expect(loadImageFolder("no/such/folder")).rejects.toThrow("which does not exist");
  });
});

describe("loadIdxImages", () => {
  const pair = (labels: readonly number[], first = 0) => ({
    images: idx(
      [labels.length, 1, 2],
      labels.flatMap((_, i) => [first + i, 255]),
    ),
    labels: idx([labels.length], labels),
  });
  const base = { name: "mini", classNames: ["a", "b"] };

  test("gives each image its class, and the last ones of each class to valid", async () => {
    const data = await loadIdxImages({ ...base, train: pair([0, 1, 1, 0, 1]), test: pair([1], 9), validShare: 0.4 });
    expect(data).toMatchObject({
      task: "classification",
      numClasses: 2,
      imageShape: { width: 2, height: 1, channels: 1 },
    });
    expect(data.splits.train.map(({ label }) => label)).toEqual([0, 1, 1]);
    expect(data.splits.valid).toEqual([
      { id: "train-3", tokenIds: Int32Array.of(7, 259), label: 0 },
      { id: "train-4", tokenIds: Int32Array.of(8, 259), label: 1 },
    ]);
    expect(data.splits.test).toEqual([{ id: "test-0", tokenIds: Int32Array.of(13, 259), label: 1 }]);
  });

  test("resizes where it is asked to", async () => {
    const data = await loadIdxImages({ ...base, train: pair([0], 5), test: pair([1]), size: 1, validShare: 0 });
    expect(data.imageShape).toEqual({ width: 1, height: 1, channels: 1 });
    expect(data.splits.train[0]?.tokenIds).toEqual(Int32Array.of(4 + (5 + 255) / 2));
    expect(data.splits.valid).toEqual([]);
  });

  test("refuses files of other kinds, lengths and labels", async () => {
    const test1 = pair([1]);
    await expect(
      loadIdxImages({ ...base, train: { images: idx([1], [0]), labels: idx([1], [0]) }, test: test1 }),
    ).rejects.toThrow(
      "mini, train images: the file must be IDX of unsigned bytes with 3 dimensions (magic number 00000803), got the bytes 00000801",
    );
    await expect(
      loadIdxImages({ ...base, train: { images: idx([2, 1, 1], [0]), labels: idx([1], [0]) }, test: test1 }),
    ).rejects.toThrow("an array of 2 × 1 × 1 must have 2 bytes, got 1 bytes");
    await expect(
      loadIdxImages({ ...base, train: { images: idx([1, 1, 1], [0]), labels: idx([2], [0, 0]) }, test: test1 }),
    ).rejects.toThrow("as many labels as images, got 2 labels and 1 images");
    await expect(loadIdxImages({ ...base, train: pair([0, 2]), test: pair([1]) })).rejects.toThrow(
      "data set mini, train label 2: a label must be from 0 to 1, one for each class name, got 2",
    );
    await expect(loadFashionMnist("no/such/folder")).rejects.toThrow("does not exist");
  });
});

test("the embedded images are 1,000 and 200 of ten classes, 28 × 28", async () => {
  const { splits, imageShape, classNames } = await loadEmbeddedImages();
  expect([splits.train.length, splits.valid.length, splits.test.length]).toEqual([900, 100, 200]);
  expect(imageShape).toEqual({ width: 28, height: 28, channels: 1 });
  for (const [part, count] of [
    [splits.train, 90],
    [splits.valid, 10],
    [splits.test, 20],
  ] as const) {
    for (const c of classNames.keys()) expect(part.filter(({ label }) => label === c)).toHaveLength(count);
  }
  const all = [...splits.train, ...splits.valid, ...splits.test];
  expect(all.every(({ tokenIds }) => tokenIds.length === 784)).toBe(true);
  expect(classNames).toBe(fashionClasses);
});
