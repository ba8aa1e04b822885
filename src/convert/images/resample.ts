/**
 * Images of another size as Pillow makes them: by a filter that widens when an image shrinks, rows first, then columns,
 * each rounded to bytes. Pretrained models were trained on such images, and their numbers depend on it. Byte by byte as
 * Pillow 11; newer versions take the columns of some images first, which rounds a few bytes by one. The package's own
 * image data are resized by exact areas (`resizeImage`), which no filter of Pillow's is.
 */
import type { PixelImage } from "../../data/images/pixels.ts";

interface Filter {
  /** How far it reaches, in pixels of the smaller image. */
  readonly support: number;
  readonly at: (x: number) => number;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** Keys' cubic with a = −1/2. */
function cubic(x: number): number {
  const a = -0.5;
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

/** By the numbers that preprocessor_config.json gives them, from 0 on; without a filter the nearest pixel. */
const filters: readonly (Filter | undefined)[] = [
  undefined,
  { support: 3, at: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
  { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  { support: 2, at: cubic },
  { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  { support: 1, at: (x) => (Math.abs(x) < 1 ? sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x)) : 0) },
];

/** `nearest`, `lanczos`, `bilinear`, `bicubic`, `box`, `hamming`. */
export const NUM_FILTERS: number = filters.length;

/** Weights are whole multiples of this, as Pillow has them. */
const WEIGHT_STEP = 2 ** -22;

/** Old pixels under a new one. */
interface Source {
  readonly first: number;
  /** In steps; their sum is about one. */
  readonly weights: readonly number[];
}

/**
 * @param filter its number: 0 nearest, 1 Lanczos, 2 bilinear, 3 bicubic, 4 box, 5 Hamming
 */
export function resample(image: PixelImage, width: number, height: number, filter: number): PixelImage {
  const wide = width === image.width ? image : alongRows(image, sourcesOf(image.width, width, filters[filter]));
  return height === image.height ? wide : alongColumns(wide, sourcesOf(image.height, height, filters[filter]));
}

function sourcesOf(oldSize: number, newSize: number, filter: Filter | undefined): readonly Source[] {
  const scale = oldSize / newSize;
  if (filter === undefined) {
    // Summed up as Pillow does: where a centre falls on a border, rounding decides.
    let centre = scale / 2;
    return Array.from({ length: newSize }, () => {
      const first = Math.floor(centre);
      centre += scale;
      return { first, weights: [1 / WEIGHT_STEP] };
    });
  }
  return Array.from({ length: newSize }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const stretch = Math.max(scale, 1);
    const reach = filter.support * stretch;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(oldSize, Math.trunc(centre + reach + 0.5));
    const raw = Array.from({ length: end - first }, (_, index) => filter.at((first + index + 0.5 - centre) / stretch));
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: raw.map((weight) => roundAway(weight / total / WEIGHT_STEP)) };
  });
}

/** Halves away from zero. */
function roundAway(value: number): number {
  return Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
}

function alongRows(image: PixelImage, sources: readonly Source[]): PixelImage {
  const { height, channels, width } = image;
  const pixels = new Uint8Array(height * sources.length * channels);
  for (let y = 0; y < height; y++) {
    for (const [x, source] of sources.entries()) {
      for (let c = 0; c < channels; c++) {
        const start = (y * width + source.first) * channels + c;
        pixels[(y * sources.length + x) * channels + c] = weighted(image.pixels, start, channels, source);
      }
    }
  }
  return { ...image, width: sources.length, pixels };
}

function alongColumns(image: PixelImage, sources: readonly Source[]): PixelImage {
  const stride = image.width * image.channels;
  const pixels = new Uint8Array(sources.length * stride);
  for (const [y, source] of sources.entries()) {
    for (let i = 0; i < stride; i++) {
      pixels[y * stride + i] = weighted(image.pixels, source.first * stride + i, stride, source);
    }
  }
  return { ...image, height: sources.length, pixels };
}

function weighted(pixels: Uint8Array, start: number, stride: number, { weights }: Source): number {
  let sum = 0.5 / WEIGHT_STEP;
  for (let i = 0; i < weights.length; i++) sum += (weights[i] ?? 0) * (pixels[start + i * stride] ?? 0);
  return Math.min(255, Math.max(0, Math.floor(sum * WEIGHT_STEP)));
}
