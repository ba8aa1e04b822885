/** Image data sets: IDX files with labels, PNG and JPEG files without, as sequences of intensities. */
import { readBytes, type ByteSource } from "../bytes.ts";
import { emptySplits, splitByHash, type EncodedSequence, type SequenceDataset, type SplitName } from "../datasets.ts";
import { requirePositiveInteger } from "../../graph/arguments.ts";
import { DataError } from "../errors.ts";
import { encodePixels, imageVocabulary, type ImageShape } from "../vocabularies/pixels.ts";
import { decodeImage } from "./codecs.ts";
import { readIdx } from "./idx.ts";
import { convertChannels, cropCentre, resizeImage, tileImage, type PixelImage } from "./pixels.ts";
import type { LabelledDataset, LabelledSequence } from "../labelled/types.ts";

/** Images of one shape; `toImage(tokenIds, imageShape)` gives the pixels back. */
export interface ImageDataset extends SequenceDataset {
  readonly imageShape: ImageShape;
}

/** Images of one shape with a class each. */
export interface LabelledImageDataset extends LabelledDataset {
  readonly imageShape: ImageShape;
}

/** The two files of a part. */
export interface IdxPair {
  /** …-images-idx3-ubyte */
  readonly images: ByteSource;
  /** …-labels-idx1-ubyte */
  readonly labels: ByteSource;
}

/** Options of `loadIdxImages`. */
export interface LoadIdxOptions {
  /** The data set's name, for messages. */
  readonly name: string;
  /** The training images and labels. */
  readonly train: IdxPair;
  /** The test images and labels. */
  readonly test: IdxPair;
  /** The classes' names by label; at least as many as there are labels. */
  readonly classNames: readonly string[];
  /** The share of each class in the training file, its last images, that becomes valid. Default 0.1. */
  readonly validShare?: number;
  /** Resizes to size × size. Default: as they are. */
  readonly size?: number;
}

/**
 * Reads images and labels from IDX files, as those of MNIST and Fashion-MNIST are.
 *
 * @throws DataError on everything `readIdx` refuses, when images and labels differ in number, when train and test
 *   differ in shape, and on labels without a class
 */
export async function loadIdxImages(options: LoadIdxOptions): Promise<LabelledImageDataset> {
  const { name, classNames, validShare = 0.1, size } = options;
  if (!(validShare >= 0 && validShare < 1)) {
    throw new DataError({
      who: `data set ${name}`,
      rule: "validShare must be in [0, 1)",
      got: String(validShare),
      fix: "pass a share such as 0.1",
    });
  }
  if (size !== undefined)
    requirePositiveInteger(`data set ${name}`, "size", size, "pass a number such as 28", DataError);
  const parts = { train: await readPair("train"), test: await readPair("test") };
  const { width, height } = parts.train;
  if (parts.test.width !== width || parts.test.height !== height) {
    throw new DataError({
      who: `data set ${name}`,
      rule: "the images of train and test must have one shape",
      got: `${width} × ${height} and ${parts.test.width} × ${parts.test.height}`,
      fix: "pass files of the same data set",
    });
  }
  const imageShape: ImageShape = { width: size ?? width, height: size ?? height, channels: 1 };

  async function readPair(
    part: "train" | "test",
  ): Promise<{ width: number; height: number; images: LabelledSequence[] }> {
    const images = await readIdx(options[part].images, `${name}, ${part} images`, 3);
    const labels = await readIdx(options[part].labels, `${name}, ${part} labels`, 1);
    const [count = 0, rows = 0, columns = 0] = images.dims;
    if (labels.data.length !== count) {
      throw new DataError({
        who: `data set ${name}, ${part}`,
        rule: "there must be as many labels as images",
        got: `${labels.data.length} labels and ${count} images`,
        fix: "pass the two files of the same part",
      });
    }
    const sequences = Array.from(labels.data, (label, i) => {
      if (label >= classNames.length) {
        throw new DataError({
          who: `data set ${name}, ${part} label ${i + 1}`,
          rule: `a label must be from 0 to ${classNames.length - 1}, one for each class name`,
          got: String(label),
          fix: "pass the names of all classes",
        });
      }
      const pixels = images.data.subarray(i * rows * columns, (i + 1) * rows * columns);
      const image: PixelImage = { width: columns, height: rows, channels: 1, pixels };
      const resized = size === undefined ? image : resizeImage(image, size, size);
      return { id: `${part}-${i}`, tokenIds: encodePixels(resized.pixels), label };
    });
    return { width: columns, height: rows, images: sequences };
  }

  const { train, valid } = holdOutLast(parts.train.images, validShare, classNames.length);
  return {
    name,
    vocabulary: imageVocabulary(imageShape),
    imageShape,
    task: "classification",
    classNames,
    numClasses: classNames.length,
    splits: {
      train,
      valid,
      test: parts.test.images,
      ood: [],
    },
  };
}

/** Parts sequences so that the last ones of each class are valid; both lists keep the order. */
function holdOutLast(
  sequences: readonly LabelledSequence[],
  share: number,
  numClasses: number,
): { readonly train: LabelledSequence[]; readonly valid: LabelledSequence[] } {
  const counts = Array.from({ length: numClasses }, (_, c) => sequences.filter(({ label }) => label === c).length);
  const seen = counts.map(() => 0);
  const [train, valid]: [LabelledSequence[], LabelledSequence[]] = [[], []];
  for (const sequence of sequences) {
    const { label } = sequence;
    const rank = seen[label] ?? 0;
    seen[label] = rank + 1;
    const count = counts[label] ?? 0;
    (rank < count - Math.round(count * share) ? train : valid).push(sequence);
  }
  return { train, valid };
}

/** One image file. */
export interface ImageSource {
  /** The image's identifier, for messages too: the file's name. */
  readonly name: string;
  /** PNG or JPEG. */
  readonly source: ByteSource;
  /** Default: by a stable hash of the name, 90 % train, 5 % valid, 5 % test. */
  readonly split?: SplitName;
}

/** Options of `loadImages`. */
export interface LoadImagesOptions {
  /** The files, each with its name. */
  readonly sources: readonly ImageSource[];
  /** The data set's name. Default "images". */
  readonly name?: string;
  /** 3: RGB, 1: grey. Default 3. */
  readonly channels?: 1 | 3;
  /**
   * The side of the square images. 64 with RGB gives the 12,288 tokens of ImageNet64. Default: all images as they are.
   */
  readonly size?: number;
  /**
   * With a size. "centre": the largest square in the middle, resized. "tiles": all size × size pieces of the image as
   * it is, each a sequence `name#number`, all in the image's split. Default "centre".
   */
  readonly crop?: "centre" | "tiles";
}

/**
 * Reads PNG and JPEG files as sequences of intensities.
 *
 * @throws DataError when there is no image, on everything `decodeImage` refuses, when shapes differ without a size, and
 *   when an image is smaller than a tile
 */
export async function loadImages(options: LoadImagesOptions): Promise<ImageDataset> {
  const { sources, name = "images", channels = 3, size, crop = "centre" } = options;
  if (size !== undefined) requirePositiveInteger(name, "size", size, "pass a number such as 64", DataError);
  const splits = emptySplits<EncodedSequence>();
  let imageShape: ImageShape | undefined;
  for (const { name: id, source, split = splitByHash(id) } of sources) {
    const image = convertChannels(await decodeImage(await readBytes(source, id), id), channels);
    const pieces = cut(image, id);
    for (const [i, { width, height, pixels }] of pieces.entries()) {
      imageShape ??= { width, height, channels };
      if (imageShape.width !== width || imageShape.height !== height) {
        throw new DataError({
          who: id,
          rule: `without a size all images must have the shape of the first, ${imageShape.width} × ${imageShape.height}`,
          got: `${width} × ${height}`,
          fix: "pass a size, such as 64, to which all are cropped and resized",
        });
      }
      splits[split].push({ id: crop === "tiles" ? `${id}#${i + 1}` : id, tokenIds: encodePixels(pixels) });
    }
  }

  function cut(image: PixelImage, id: string): readonly PixelImage[] {
    if (size === undefined) return [image];
    if (crop === "centre") return [resizeImage(cropCentre(image), size, size)];
    const tiles = tileImage(image, size);
    if (tiles.length > 0) return tiles;
    throw new DataError({
      who: id,
      rule: `an image must be at least as large as a tile, ${size} × ${size}`,
      got: `${image.width} × ${image.height}`,
      fix: 'pass crop: "centre", which resizes, or a smaller size',
    });
  }

  if (imageShape === undefined) {
    throw new DataError({
      who: `data set ${name}`,
      rule: "there must be at least one image",
      got: "none",
      fix: "pass sources: [{ name, source }] of PNG or JPEG files",
    });
  }
  return { name, vocabulary: imageVocabulary(imageShape), imageShape, splits };
}
