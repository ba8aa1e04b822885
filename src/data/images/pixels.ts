/** Images as plain pixels: crops, resizing, colours, and the way to ids and back. */
import { DataError } from "../errors.ts";
import { FIRST_ORDINARY_ID } from "../vocabularies/specials.ts";
import type { ImageShape } from "../vocabularies/pixels.ts";

/** An image in memory: intensities in raster order, the channels of a pixel together. */
export interface PixelImage extends ImageShape {
  /** [height, width, channels], row-major. */
  readonly pixels: Uint8Array;
}

/** The width × height piece whose left upper pixel is (x, y). */
export function cropImage(image: PixelImage, x: number, y: number, width: number, height: number): PixelImage {
  const { channels } = image;
  const pixels = new Uint8Array(width * height * channels);
  for (let row = 0; row < height; row++) {
    const start = ((y + row) * image.width + x) * channels;
    pixels.set(image.pixels.subarray(start, start + width * channels), row * width * channels);
  }
  return { width, height, channels, pixels };
}

/** The largest square in the middle. */
export function cropCentre(image: PixelImage): PixelImage {
  const side = Math.min(image.width, image.height);
  return cropImage(image, (image.width - side) >> 1, (image.height - side) >> 1, side, side);
}

/** The size × size squares side by side from the left upper corner; what is left at the right and below is dropped. */
export function tileImage(image: PixelImage, size: number): readonly PixelImage[] {
  const columns = Math.floor(image.width / size);
  const rows = Math.floor(image.height / size);
  return Array.from({ length: rows * columns }, (_, i) =>
    cropImage(image, (i % columns) * size, Math.floor(i / columns) * size, size, size),
  );
}

/**
 * Another size, each new pixel the mean of the area that it covers: no aliasing when shrinking, as box filters do for
 * ImageNet64 (arXiv:1707.08819); plain repetition when enlarging by whole factors.
 */
export function resizeImage(image: PixelImage, width: number, height: number): PixelImage {
  const { channels } = image;
  if (width === image.width && height === image.height) return image;
  const columns = areaWeights(image.width, width);
  const rows = areaWeights(image.height, height);
  // Separable: along rows first, in floating point, then along columns.
  const wide = new Float64Array(image.height * width * channels);
  for (let y = 0; y < image.height; y++) {
    for (const [x, sources] of columns.entries()) {
      for (const { from, weight } of sources) {
        for (let c = 0; c < channels; c++) {
          const at = (y * width + x) * channels + c;
          wide[at] = (wide[at] ?? 0) + weight * (image.pixels[(y * image.width + from) * channels + c] ?? 0);
        }
      }
    }
  }
  const pixels = new Uint8Array(width * height * channels);
  for (const [y, sources] of rows.entries()) {
    for (let i = 0; i < width * channels; i++) {
      let sum = 0;
      for (const { from, weight } of sources) sum += weight * (wide[from * width * channels + i] ?? 0);
      pixels[y * width * channels + i] = Math.round(sum);
    }
  }
  return { width, height, channels, pixels };
}

/** For each new place: the old places under it and the shares of its area that they cover. */
function areaWeights(oldSize: number, newSize: number): { readonly from: number; readonly weight: number }[][] {
  const scale = oldSize / newSize;
  return Array.from({ length: newSize }, (_, i) => {
    const [start, end] = [i * scale, (i + 1) * scale];
    const sources: { readonly from: number; readonly weight: number }[] = [];
    for (let from = Math.floor(start); from < Math.min(oldSize, end); from++) {
      const covered = Math.min(end, from + 1) - Math.max(start, from);
      if (covered > 0) sources.push({ from, weight: covered / scale });
    }
    return sources;
  });
}

/** Grey from colour by the luma of ITU-R BT.601, 0.299 r + 0.587 g + 0.114 b; colour from grey by repetition. */
export function convertChannels(image: PixelImage, channels: 1 | 3): PixelImage {
  if (image.channels === channels) return image;
  const { width, height, pixels: old } = image;
  const pixels = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++) {
    if (channels === 1) {
      const [r = 0, g = 0, b = 0] = old.subarray(3 * i, 3 * i + 3);
      pixels[i] = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
    } else {
      pixels.fill(old[i] ?? 0, 3 * i, 3 * i + 3);
    }
  }
  return { width, height, channels, pixels };
}

/**
 * The image that ids of a pixel vocabulary stand for, such as a sample of a model. Special tokens in front and behind
 * are left out; missing pixels are black.
 *
 * @throws DataError on special tokens in between, on ids outside the vocabulary, and on more ids than the image has
 */
export function toImage(ids: Iterable<number>, shape: ImageShape): PixelImage {
  const { width, height, channels } = shape;
  const pixels = new Uint8Array(width * height * channels);
  let count = 0;
  let ended = false;
  for (const id of ids) {
    const isSpecial = id >= 0 && id < FIRST_ORDINARY_ID;
    if (isSpecial) {
      ended = count > 0;
      continue;
    }
    const isIntensity = Number.isInteger(id) && id >= FIRST_ORDINARY_ID && id < FIRST_ORDINARY_ID + 256;
    if (!isIntensity || ended || count === pixels.length) {
      throw new DataError({
        who: "toImage",
        rule:
          `an image of ${width} × ${height} × ${channels} must be at most ${pixels.length} intensities in a row, ` +
          `ids ${FIRST_ORDINARY_ID} to ${FIRST_ORDINARY_ID + 255}`,
        got: `${ended ? `${id} behind a special token` : id} as number ${count + 1}`,
        fix: "pass one sample of a model of this image shape",
      });
    }
    pixels[count++] = id - FIRST_ORDINARY_ID;
  }
  return { width, height, channels, pixels };
}

/** Bits per dimension: the mean loss of an intensity (a channel of a pixel) in nats, divided by ln 2. */
export function bitsPerDimension(lossNats: number): number {
  return lossNats / Math.LN2;
}
