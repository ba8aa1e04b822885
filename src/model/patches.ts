/**
 * Images as a Transformer reads them: a place of the sequence for each square of pixels, behind a learned vector that
 * stands for all.
 *
 * Tokens are `<bos>`, whose state is that vector's, and the intensities of the image in raster order, the channels of a
 * pixel together; what comes behind them (`<eos>`, padding) is not read.
 *
 * Source: Dosovitskiy et al. (ViT), arXiv:2010.11929.
 */
import { ConfigError, problem } from "../graph/errors.ts";
import type { ModelConfig } from "./config-schema.ts";

/** The id of intensity 0: as in the vocabularies of this package, 256 intensities stand behind four special tokens. */
export const FIRST_INTENSITY_ID = 4;
/** Ids of special tokens and of intensities. */
export const PIXEL_IDS: number = FIRST_INTENSITY_ID + 256;
/** `<bos>` in front of an image, and `<eos>` behind it where an encoder's sequences have one. */
const SPECIALS_AROUND = 2;

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

/** The counted positions of a sequence, without special tokens: tokens, or an image's patches. */
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
    problem`${who}: an image must have ${numIntensities(patches)} intensities, ${width} × ${height} pixels of
    ${channels}, got ${count}; resize it`,
  );
}
