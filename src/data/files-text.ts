/** Text from disk, and the package's own novels. */
import { readText } from "./bytes.ts";
import { openFolder, openPackaged } from "./files.ts";
import { loadText } from "./text.ts";
import type { SequenceDataset } from "./datasets.ts";
import type { LoadTextOptions } from "./text.ts";

/** The embedded texts: two novels by Jane Austen (see data/README.md). */
export const embeddedTextUrls = {
  prideprejudice: new URL("../../data/prideprejudice.txt", import.meta.url),
  emma: new URL("../../data/emma.txt", import.meta.url),
} as const satisfies Record<string, URL>;

/** *Pride and Prejudice*, the text that `loadEmbeddedText` loads unless told. */
export const embeddedTextUrl: URL = embeddedTextUrls.prideprejudice;

/** A text to be had without further files. */
export type EmbeddedTextName = keyof typeof embeddedTextUrls;

/** How texts are encoded and parted; sources are what the functions here find. */
export type TextOptions = Omit<LoadTextOptions, "sources">;

/**
 * Loads *Pride and Prejudice*, 684,768 characters of ASCII, or other embedded texts: by default as bytes, its last tenth held out.
 *
 * @param options.texts Default ["prideprejudice"]
 * @throws DataError when the file is missing
 */
export async function loadEmbeddedText(
  options: TextOptions & { readonly texts?: readonly EmbeddedTextName[] } = {},
): Promise<SequenceDataset> {
  const { texts = ["prideprejudice"], ...rest } = options;
  const sources = await Promise.all(
    texts.map(async (name) => ({ name: `${name}.txt`, source: await openPackaged(embeddedTextUrls[name]) })),
  );
  return loadText({ ...rest, sources });
}

/**
 * Loads the .txt and .txt.gz files of a folder, a document each (Node only).
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
 * The texts of a folder's .txt and .txt.gz files (Node only), or without a folder the embedded ones.
 *
 * @throws DataError when the folder has none, or one is not UTF-8
 */
export async function readTexts(folder?: string): Promise<NamedText[]> {
  const sources =
    folder === undefined
      ? await Promise.all(
          Object.entries(embeddedTextUrls).map(async ([name, url]) => ({ name, source: await openPackaged(url) })),
        )
      : await openFolder(folder, TEXT_ENDINGS);
  return Promise.all(sources.map(async ({ name, source }) => ({ name, text: await readText(source, name) })));
}

const TEXT_ENDINGS = [".txt", ".txt.gz"];
