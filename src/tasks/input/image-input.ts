/** What --image and --images give: PNG and JPEG files as a model of images reads them, one after the other. */

import { basename } from "node:path";

import type { EncodedText } from "../../convert/index.ts";
import { openFile, openFolder } from "../../data/files.ts";
import { readBytes, type ByteSource } from "../../data/bytes.ts";
import { decodeImage } from "../../data/images/codecs.ts";
import type { PixelImage } from "../../data/images/pixels.ts";

export interface ImageOptions {
  /** PNG or JPEG files. */
  readonly image?: readonly string[];
  /** A folder of PNG and JPEG files. */
  readonly images?: string;
}

interface ImageFile {
  /** Its vector's name: of --image the path as it was given, of --images that inside the folder. */
  readonly name: string;
  readonly source: ByteSource;
}

/** @throws DataError for a folder without images */
export async function listImages({ image = [], images }: ImageOptions): Promise<readonly ImageFile[]> {
  const single = image.map((path) => ({ name: basename(path), source: openFile(path) }));
  return images === undefined ? single : [...single, ...(await openFolder(images, [".png", ".jpg", ".jpeg"]))];
}

/** @throws DataError naming the file that is no image, or is damaged */
export async function* readImages(
  options: ImageOptions,
  encode: (image: PixelImage, id: string) => EncodedText,
): AsyncGenerator<EncodedText> {
  for (const { name, source } of await listImages(options)) {
    yield encode(await decodeImage(await readBytes(source, name), name), name);
  }
}
