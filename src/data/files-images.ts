/** Images from files, the package's own small Fashion-MNIST, and the whole one. */
import { paths } from "#files";
import { openFile, openFolder, openPackaged, type PackagedOptions } from "./files.ts";
import {
  loadIdxImages,
  loadImages,
  type ImageDataset,
  type LabelledImageDataset,
  type LoadIdxOptions,
  type LoadImagesOptions,
} from "./images/datasets.ts";
import type { ByteSource } from "./bytes.ts";

/** The classes of Fashion-MNIST by label (arXiv:1708.07747). */
export const fashionClasses: readonly string[] = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];

/** Where Debian's package dataset-fashion-mnist puts its files. */
export const fashionFolder = "/usr/share/datasets/fashion-mnist";

/** The options of IDX loaders. */
export type IdxImageOptions = Pick<LoadIdxOptions, "size" | "validShare">;

/**
 * Loads the embedded images: 1,000 + 200 of Fashion-MNIST, 28 × 28 grey, 784 tokens each, ten classes (see
 * data/README.md). The last tenth of each class in the training file is valid.
 *
 * @throws DataError when a file is missing
 */
export async function loadEmbeddedImages({
  dataUrl,
  ...options
}: IdxImageOptions & PackagedOptions = {}): Promise<LabelledImageDataset> {
  const from = dataUrl === undefined ? {} : { dataUrl };
  return loadFashion("fashion-mini", options, (file) => openPackaged(`fashion-mini-${file}.gz`, from));
}

/**
 * Loads the whole Fashion-MNIST, 60,000 + 10,000 images. Debian: `apt install dataset-fashion-mnist`.
 *
 * @param folder holds train-images-idx3-ubyte.gz and the other three files. Default: where Debian's package puts them
 * @throws DataError when a file is missing or damaged
 */
export async function loadFashionMnist(
  folder: string = fashionFolder,
  options: IdxImageOptions = {},
): Promise<LabelledImageDataset> {
  return loadFashion("fashion-mnist", options, (file) => {
    // The published names.
    const published = file.replace("test-", "t10k-");
    return openFile(paths.join(folder, `${published}.gz`));
  });
}

/**
 * Loads the PNG and JPEG files of a folder.
 *
 * @throws DataError when the folder has none, and on everything `loadImages` refuses
 */
export async function loadImageFolder(
  folder: string,
  options: Omit<LoadImagesOptions, "sources"> = {},
): Promise<ImageDataset> {
  return loadImages({ name: folder, ...options, sources: await openFolder(folder, [".png", ".jpg", ".jpeg"]) });
}

async function loadFashion(
  name: string,
  options: IdxImageOptions,
  open: (file: string) => ByteSource,
): Promise<LabelledImageDataset> {
  return loadIdxImages({
    ...options,
    name,
    classNames: fashionClasses,
    train: { images: open("train-images-idx3-ubyte"), labels: open("train-labels-idx1-ubyte") },
    test: { images: open("test-images-idx3-ubyte"), labels: open("test-labels-idx1-ubyte") },
  });
}
