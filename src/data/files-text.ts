/** Text from files, and the package's own novels. */
import { readText } from "./bytes.ts";
import { packagedUrl } from "#files";
import { openFile, openFolder, openPackaged, type PackagedOptions } from "./files.ts";
import { loadText, type LoadTextOptions } from "./text.ts";
import type { SequenceDataset } from "./datasets.ts";

/** The embedded texts: two novels by Jane Austen (see data/README.md). */
export const embeddedTextUrls = {
  prideprejudice: packagedUrl("prideprejudice.txt"),
  emma: packagedUrl("emma.txt"),
} as const satisfies Record<string, URL>;

/** *Pride and Prejudice*, the text that `loadEmbeddedText` loads unless told. */
export const embeddedTextUrl: URL = embeddedTextUrls.prideprejudice;

/** A text to be had without further files. */
export type EmbeddedTextName = keyof typeof embeddedTextUrls;

/** How texts are encoded and parted; sources are what the functions here find. */
export type TextOptions = Omit<LoadTextOptions, "sources">;

/**
 * Loads *Pride and Prejudice*, 684,768 characters of ASCII, or other embedded texts: by default as bytes, its last
 * tenth held out.
 *
 * @param options.texts Default ["prideprejudice"]
 * @throws DataError when the file is missing
 */
export async function loadEmbeddedText(
  options: TextOptions & PackagedOptions & { readonly texts?: readonly EmbeddedTextName[] } = {},
): Promise<SequenceDataset> {
  const { texts = ["prideprejudice"], dataUrl, ...rest } = options;
  const from = dataUrl === undefined ? {} : { dataUrl };
  const sources = texts.map((name) => ({ name: `${name}.txt`, source: openPackaged(`${name}.txt`, from) }));
  return loadText({ ...rest, sources });
}

/**
 * Loads the .txt and .txt.gz files of a folder, a document each.
 *
 * @throws DataError when the folder has none, and on everything `loadText` refuses
 */
export async function loadTextFolder(folder: string, options: TextOptions = {}): Promise<SequenceDataset> {
  return loadText({ name: folder, ...options, sources: await openFolder(folder, TEXT_ENDINGS) });
}

/** A whole text and its name. */
export interface NamedText {
  readonly name: string;
  readonly text: string;
}

/**
 * The texts of a folder's .txt and .txt.gz files, or without a folder the embedded ones.
 *
 * @throws DataError when the folder has none, or one is not UTF-8
 */
export async function readTexts(folder?: string): Promise<NamedText[]> {
  const sources =
    folder === undefined
      ? Object.entries(embeddedTextUrls).map(([name, url]) => ({ name, source: openFile(url) }))
      : await openFolder(folder, TEXT_ENDINGS);
  return Promise.all(sources.map(async ({ name, source }) => ({ name, text: await readText(source, name) })));
}

const TEXT_ENDINGS = [".txt", ".txt.gz"];
