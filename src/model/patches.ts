/**
 * Images as a Transformer reads them: a place of the sequence for each square of pixels, behind a learned vector that stands for all.
 *
 * Tokens are `<bos>`, whose state is that vector's, and the intensities of the image in raster order, the channels of a pixel together;
 * what comes behind them (`<eos>`, padding) is not read.
 *
 * Source: Dosovitskiy et al. (ViT), arXiv:2010.11929.
 */
import { ConfigError, GraphError } from "../graph/errors.ts";
import { ndarray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import { cast } from "../ops/compare.ts";
import { add, mul, sub } from "../ops/elementwise.ts";
import { reshape, transpose } from "../ops/layout.ts";
import { concat, slice } from "../ops/slicing.ts";
import { constant, full } from "../ops/source.ts";
import type { ModelConfig } from "./config-schema.ts";
import { applyLinear } from "./layers.ts";
import type { PatchEmbedding } from "./parameter-tree.ts";

/** The id of intensity 0: as in the vocabularies of this package, 256 intensities stand behind four special tokens. */
export const FIRST_INTENSITY_ID = 4;
/** Ids of special tokens and of intensities. */
export const PIXEL_IDS: number = FIRST_INTENSITY_ID + 256;
/** `<bos>` in front of an image, and `<eos>` behind it where an encoder's sequences have one. */
const SPECIALS_AROUND = 2;
const BRIGHTEST = 255;

export type Patches = NonNullable<ModelConfig["patches"]>;

/** Intensities of an image. */
export function numIntensities({ width, height, channels }: Pick<Patches, "width" | "height" | "channels">): number {
  return width * height * channels;
}

/** Squares of an image. */
function numPatches({ width, height, size }: Patches): number {
  return (width / size) * (height / size);
}

/** The longest sequence of tokens: an image between its special tokens. */
export function tokensOfImage(patches: Patches): number {
  return numIntensities(patches) + SPECIALS_AROUND;
}

/** Places that the blocks see of so many tokens: all, or of an image its squares and the vector in front. */
export function placesIn({ patches }: Pick<ModelConfig, "patches">, numTokens: number): number {
  return patches === undefined ? numTokens : 1 + numPatches(patches);
}

/** Places of the longest sequence. */
export function mostPlaces(config: Pick<ModelConfig, "patches" | "maxSeqLen">): number {
  return placesIn(config, config.maxSeqLen);
}

/** What of a sequence counts, its special tokens left out: tokens, or of an image its squares. */
export function unitsIn({ patches }: Pick<ModelConfig, "patches">, numTokens: number): number {
  return patches === undefined ? numTokens : numPatches(patches);
}

/**
 * Refuses images of another size than a model of patches reads; nothing is refused for other models.
 *
 * @param count intensities, special tokens left out
 * @throws ConfigError
 */
export function checkIntensities(who: string, { patches }: Pick<ModelConfig, "patches">, count: number): void {
  if (patches === undefined || count === numIntensities(patches)) return;
  const { width, height, channels } = patches;
  throw new ConfigError(
    `${who}: an image must have ${numIntensities(patches)} intensities, ${width} × ${height} pixels of ${channels}, got ${count}; resize it`,
  );
}

/**
 * `[B, L]` int32 → `[B, 1 + patches, modelDim]`: the vector in front, then a linear layer of each square, rows from the top, without
 * positions. An intensity enters as (intensity / 255 − mean) / deviation of its channel; a square as `[channels, size, size]`, flattened.
 *
 * @throws GraphError for tokens that hold no whole image
 */
export function patchVectors(
  patches: Patches,
  { projection, first }: PatchEmbedding<Tensor>,
  tokenIds: Tensor,
): Tensor {
  const { size, width, height, channels } = patches;
  const { mean = filled(channels, 1 / 2), deviation = filled(channels, 1 / 2) } = patches;
  const [batch = 1, length = 0] = tokenIds.shape;
  const count = numIntensities(patches);
  if (length < 1 + count) {
    throw new GraphError(
      `embedding: tokens must be <bos> and the ${count} intensities of ${width} × ${height} × ${channels}, got ${length}; give whole images`,
    );
  }
  const perChannel = (of: (channel: number) => number) =>
    constant(
      ndarray(
        Float32Array.from({ length: channels }, (_, channel) => of(channel)),
        [channels],
      ),
    );
  const intensities = sub(cast(slice(tokenIds, 1, 1, 1 + count), "float32"), FIRST_INTENSITY_ID);
  const pixels = reshape(intensities, [batch, width * height, channels]);
  const scale = perChannel((channel) => 1 / BRIGHTEST / (deviation[channel] ?? 1));
  const shift = perChannel((channel) => (mean[channel] ?? 0) / (deviation[channel] ?? 1));
  const [rows, columns] = [height / size, width / size];
  const cells = reshape(sub(mul(pixels, scale), shift), [batch * rows, size, columns, size, channels]);
  const flat = reshape(transpose(cells, [0, 2, 4, 1, 3]), [batch, rows * columns, channels * size * size]);
  const [modelDim = 1] = projection.bias.shape;
  const front = add(full([batch, 1, 1], 0), reshape(first, [1, 1, modelDim]));
  return concat([front, applyLinear(flat, projection)], 1);
}

function filled(channels: number, value: number): readonly number[] {
  return Array.from({ length: channels }, () => value);
}
