/** Images as sequences of intensities: 256 of them behind the specials. */
import { DataError, quoted } from "../errors.ts";
import { complainant, FIRST_ORDINARY_ID, idsOfValues, vocabularyBehindSpecials } from "./specials.ts";
import type { SequenceOrigin, Vocabulary, VocabularyDescription } from "../vocabulary.ts";

/**
 * The size of an image. An image is width · height · channels intensities in raster order, r, g, b of a pixel together.
 */
export interface ImageShape {
  readonly width: number;
  readonly height: number;
  /** 1: grey, 3: red, green, blue. */
  readonly channels: 1 | 3;
}

/** Intensities of images of any shape. Encodes and decodes numbers from 0 to 255 separated by blanks. */
export const pixelVocabulary: Vocabulary = vocabularyOf({ kind: "pixels" });

/** Intensities of images of one shape, which is saved with the vocabulary, so that samples can be shown as images. */
export function imageVocabulary({ width, height, channels }: ImageShape): Vocabulary {
  return vocabularyOf({ kind: "pixels", width, height, channels });
}

/** The shape that a vocabulary was made for, if it is one of images of one shape. */
export function imageShapeOf(vocabulary: Vocabulary): ImageShape | undefined {
  const description = vocabulary.toJSON();
  if (description.kind !== "pixels") return undefined;
  const { width, height, channels } = description;
  if (width === undefined || height === undefined || channels === undefined) return undefined;
  return { width, height, channels };
}

/** Intensities as ids: id = 4 + intensity. */
export function encodePixels(pixels: Uint8Array | Uint8ClampedArray): Int32Array {
  return idsOfValues(pixels);
}

function vocabularyOf(description: VocabularyDescription): Vocabulary {
  return vocabularyBehindSpecials({
    name: "pixel",
    ordinary: Array.from({ length: 256 }, (_, intensity) => String(intensity)),
    encode: encodeNumbers,
    separator: " ",
    description,
  });
}

function encodeNumbers(sequence: string, where?: SequenceOrigin): Int32Array {
  const words = sequence.split(/[\s,]+/).filter((word) => word !== "");
  return Int32Array.from(words, (word, index) => {
    const intensity = Number(word);
    if (/^\d+$/.test(word) && intensity <= 255) return FIRST_ORDINARY_ID + intensity;
    throw new DataError({
      who: complainant("pixel", where),
      rule: "intensities must be integers from 0 to 255, separated by blanks",
      got: `${quoted(word)} at position ${index + 1}`,
      fix: "scale the intensities to bytes; images are read by loadImages and loadIdxImages",
    });
  });
}
