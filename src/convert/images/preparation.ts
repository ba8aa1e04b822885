/** How a pretrained model wants its images: preprocessor_config.json, by size, crop and the scale of intensities. */
import * as z from "zod";
import { DataError } from "../../data/errors.ts";
import { convertChannels, cropImage, type PixelImage } from "../../data/images/pixels.ts";
import type { ImageShape } from "../../data/vocabularies/pixels.ts";
import type { Patches } from "../../model/patches.ts";
import type { FileSource } from "../../storage/file-source.ts";
import { fileOf, readJsonIfThere } from "../json-files.ts";
import { refuse } from "../refuse.ts";
import { NUM_FILTERS, resample } from "./resample.ts";

export const PREPARATION_FILE = "preprocessor_config.json";

/** The scale of intensities in the model's configuration, from values of 0 to 1. */
export type IntensityScale = Pick<Patches, "mean" | "deviation">;

export interface ImagePreparation {
  readonly scale: IntensityScale;
  /**
   * An image as the model reads it, in 8-bit intensities.
   *
   * @param id for messages
   * @throws DataError for one that has another size in the end, where the folder says nothing of resizing
   */
  readonly prepare: (image: PixelImage, id: string) => PixelImage;
}

const side = z.int().positive();
const sizes = z.union([
  side.transform((both) => ({ height: both, width: both })),
  z.object({ height: side, width: side }),
  z.object({ shortest_edge: side }).transform(({ shortest_edge: shortest }) => ({ shortest })),
]);
const perChannel = z.union([z.number(), z.array(z.number())]).nullish();

/** Defaults are those of ViTImageProcessor. */
const preparationFile = z.looseObject({
  do_resize: z.boolean().nullish(),
  size: sizes.nullish(),
  resample: z
    .int()
    .min(0)
    .max(NUM_FILTERS - 1)
    .nullish(),
  do_center_crop: z.boolean().nullish(),
  crop_size: sizes.nullish(),
  do_rescale: z.boolean().nullish(),
  rescale_factor: z.number().positive().nullish(),
  do_normalize: z.boolean().nullish(),
  image_mean: perChannel,
  image_std: perChannel,
});

type Settings = z.output<typeof preparationFile>;

const BILINEAR = 2;
const BRIGHTEST = 255;

/**
 * Reads preprocessor_config.json. Without it images are resized to the model's size by the bilinear filter, and
 * intensities brought from 0 … 255 to −1 … 1, as ViT's are.
 *
 * @param shape what the model reads
 * @throws StorageError for settings that lead to another shape, and for numbers of another count than channels
 */
export async function readPreparation(source: FileSource, base: string, shape: ImageShape): Promise<ImagePreparation> {
  const settings = (await readJsonIfThere(source, base + PREPARATION_FILE, preparationFile)) ?? {};
  const who = fileOf(source, base + PREPARATION_FILE);
  const resize = settings.do_resize === false ? undefined : (settings.size ?? shape);
  const crop = settings.do_center_crop === true ? (settings.crop_size ?? shape) : undefined;
  const last = crop ?? resize;
  const [key, wanted] = [crop ? "crop_size" : "size", `${shape.width} × ${shape.height}`];
  if (last !== undefined && "width" in last && (last.width !== shape.width || last.height !== shape.height)) {
    refuse(who, `'${key}' must be image_size of config.json, ${wanted}`, `${last.width} × ${last.height}`, FIX);
  }
  if (crop !== undefined && !("width" in crop)) {
    refuse(who, `'crop_size' must be a width and a height, ${wanted}`, "shortest_edge", FIX);
  }
  const filter = settings.resample ?? BILINEAR;
  return {
    scale: scaleOf(who, settings, shape.channels),
    prepare: (image, id) => {
      const coloured = convertChannels(image, shape.channels);
      const resized = resize === undefined ? coloured : resample(coloured, ...sizeFor(coloured, resize), filter);
      const prepared = crop === undefined ? resized : centre(resized, shape);
      if (prepared !== undefined && prepared.width === shape.width && prepared.height === shape.height) return prepared;
      const { width, height } = prepared ?? resized;
      throw new DataError({
        who: id,
        rule: `the image must be ${wanted} pixels, for ${who} does not bring it there`,
        got: `${width} × ${height}`,
        fix: "resize it",
      });
    },
  };
}

const FIX = "take the file that came with the weights";

function sizeFor(image: PixelImage, wanted: NonNullable<Settings["size"]> | ImageShape): [number, number] {
  if ("width" in wanted) return [wanted.width, wanted.height];
  const shorter = Math.min(image.width, image.height);
  const scaled = (length: number) =>
    length === shorter ? wanted.shortest : Math.trunc((wanted.shortest * length) / shorter);
  return [scaled(image.width), scaled(image.height)];
}

/** The piece in the middle; undefined where the image is smaller. */
function centre(image: PixelImage, { width, height }: ImageShape): PixelImage | undefined {
  if (image.width < width || image.height < height) return undefined;
  return cropImage(image, (image.width - width) >> 1, (image.height - height) >> 1, width, height);
}

/** (x · factor − mean) / deviation of intensities x from 0 to 255, said of those from 0 to 1. */
function scaleOf(who: string, settings: Settings, channels: number): Required<IntensityScale> {
  const factor = settings.do_rescale === false ? 1 : (settings.rescale_factor ?? 1 / BRIGHTEST);
  const isNormalised = settings.do_normalize !== false;
  const numbers = (key: "image_mean" | "image_std", ifNot: number, must: (value: number) => boolean) => {
    const found = isNormalised ? (settings[key] ?? 1 / 2) : ifNot;
    const all = typeof found === "number" ? Array.from({ length: channels }, () => found) : found;
    if (all.length === channels && all.every(must)) return all.map((value) => value / (factor * BRIGHTEST));
    return refuse(
      who,
      `'${key}' must hold a number for each of ${channels} channels, deviations above 0`,
      all.join(", "),
      FIX,
    );
  };
  return {
    mean: numbers("image_mean", 0, Number.isFinite),
    deviation: numbers("image_std", 1, (value) => value > 0),
  };
}
