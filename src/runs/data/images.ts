/** Images as they were asked for: Fashion-MNIST, IDX files, a folder of PNG and JPEG files. */

import { basename, dirname, join } from "node:path";

import {
  fashionFolder,
  loadEmbeddedImages,
  loadFashionMnist,
  loadIdxImages,
  loadImageFolder,
  openFile,
  type ImageDataset,
  type LabelledImageDataset,
} from "../../data/index.ts";
import { DataError } from "../../data/errors.ts";
import { listFolder } from "../../storage/files.ts";
import { fileType, type DataSource } from "./source.ts";

const IDX_IMAGES = /images[.-]idx3-ubyte(\.gz)?$/;
/** A label of an IDX file is one byte. */
const MOST_CLASSES = 256;

/** @throws DataError when files are missing or damaged, and for colour where images are grey */
export async function loadImageSource(source: DataSource): Promise<ImageDataset | LabelledImageDataset> {
  return readImageSource(source).catch((error: unknown) => {
    if (!(error instanceof DataError)) throw error;
    // In the words of the command line.
    const fix = error.fix?.replace(/\bpass a size, such as (\d+)/, "pass --image-size $1 or another");
    throw new DataError({ ...error.problem, fix }, { cause: error });
  });
}

async function readImageSource(source: DataSource): Promise<ImageDataset | LabelledImageDataset> {
  const { path, imageSize, channels } = source;
  const size = imageSize === undefined ? {} : { size: imageSize };
  if (path !== undefined) {
    const isFolder = (await fileType(path)) === "folder";
    const names = isFolder ? ((await listFolder(path)) ?? []) : [basename(path)];
    if (!names.some((name) => IDX_IMAGES.test(name))) {
      return loadImageFolder(path, { name: basename(path), ...size, ...(channels !== undefined && { channels }) });
    }
    requireGrey(source, basename(path));
    return loadIdxFolder(isFolder ? path : dirname(path), size);
  }
  requireGrey(source, String(source.source));
  const hasWhole = source.source === "fashion-mnist" && (await fileType(fashionFolder)) === "folder";
  return hasWhole ? loadFashionMnist(fashionFolder, size) : loadEmbeddedImages(size);
}

function requireGrey({ channels = 1 }: DataSource, who: string): void {
  if (channels === 1) return;
  throw new DataError({
    who,
    rule: "images in IDX files are grey",
    got: "a request for colour",
    fix: "leave --colour (data.channels) out",
  });
}

/** The four files of MNIST and its successors, by their published names, plain or gzip. */
async function loadIdxFolder(folder: string, size: { readonly size?: number }): Promise<LabelledImageDataset> {
  const names = (await listFolder(folder)) ?? [];
  const open = (parts: readonly string[], what: string) => {
    const pattern = new RegExp(`^(${parts.join("|")})-${what}-ubyte(\\.gz)?$`);
    const found = names.find((name) => pattern.test(name));
    if (found !== undefined) return openFile(join(folder, found));
    throw new DataError({
      who: `images in ${folder}`,
      rule: "there must be the four files of an IDX data set: images and labels, of train and of t10k or test",
      got: `none that is named ${parts[0] ?? ""}-${what}-ubyte`,
      fix: "put all four into the folder, or name a folder of PNG or JPEG files",
    });
  };
  const pair = (...parts: readonly string[]) => ({
    images: open(parts, "images[.-]idx3"),
    labels: open(parts, "labels[.-]idx1"),
  });
  const classNames = Array.from({ length: MOST_CLASSES }, (_, label) => String(label));
  const loaded = await loadIdxImages({
    ...size,
    name: basename(folder),
    train: pair("train"),
    test: pair("t10k", "test"),
    classNames,
  });
  const all = Object.values(loaded.splits).flat();
  const numClasses = all.reduce((most, { label }) => Math.max(most, label + 1), 0);
  return { ...loaded, classNames: classNames.slice(0, numClasses), numClasses };
}
