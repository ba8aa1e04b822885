/** Files and folders from disk, and the package's own protein data wherever the package is installed. */
import { DataError } from "./errors.ts";
import { loadProteins } from "./proteins.ts";
import type { ByteSource } from "./bytes.ts";
import type { ProteinDataset } from "./proteins.ts";

/**
 * A file's bytes, piece by piece (Node only; nothing is opened before the first piece is asked for).
 *
 * @param path a path, relative to the working directory or absolute, or a file: URL
 * @throws DataError when there is no such file, when it is a folder, and when it may not be read
 */
export async function* openFile(path: string | URL): AsyncGenerator<Uint8Array> {
  // Imported on use, so that browsers can load this module for the rest of it.
  const { createReadStream } = await import("node:fs");
  const { stat } = await import("node:fs/promises");
  const shown = JSON.stringify(String(path));
  try {
    if ((await stat(path)).isDirectory()) {
      throw new DataError({
        who: "reading sequences",
        rule: "the path must lead to a file",
        got: `the folder ${shown}`,
        fix: "name a file inside it",
      });
    }
    yield* createReadStream(path);
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw unreadable(shown, error);
  }
}

/** The embedded protein data: 2,538 Swiss-Prot sequences with family splits (see data/README.md). */
export const embeddedProteinsUrl: URL = new URL("../../data/swissprot-families.fasta", import.meta.url);

/**
 * Loads the embedded protein data: from disk in Node, over the network where the package itself came that way.
 *
 * @throws DataError when the file is missing
 */
export async function loadEmbeddedProteins(): Promise<ProteinDataset> {
  const source = await openPackaged(embeddedProteinsUrl);
  return loadProteins({ source, name: "swissprot-families.fasta", splitBy: "header" });
}

/**
 * The files of a folder whose names end so, in the order of their names; folders inside are left out (Node only).
 *
 * @param endings lower case, e.g. [".png", ".jpg"]; names are compared in lower case
 * @throws DataError when there is no such folder, and when it holds no such file
 */
export async function openFolder(
  folder: string,
  endings: readonly string[],
): Promise<{ readonly name: string; readonly source: ByteSource }[]> {
  const { readdir } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw unreadable(JSON.stringify(folder), error);
  });
  const names = entries
    .filter((entry) => !entry.isDirectory() && endings.some((ending) => entry.name.toLowerCase().endsWith(ending)))
    .map((entry) => entry.name)
    .sort();
  if (names.length > 0) return names.map((name) => ({ name, source: openFile(join(folder, name)) }));
  throw new DataError({
    who: "reading a folder",
    rule: `the folder must hold at least one file that ends in ${endings.join(" or ")}`,
    got: `${JSON.stringify(folder)}, which holds ${entries.length} other entries`,
    fix: "name the folder that holds the files themselves",
  });
}

/** A file of the package: from disk in Node, over the network where the package itself came that way. */
export async function openPackaged(url: URL): Promise<ByteSource> {
  return url.protocol === "file:" ? openFile(url) : fetchBytes(url);
}

async function fetchBytes(url: URL): Promise<ReadableStream<Uint8Array>> {
  const response = await fetch(url);
  if (response.ok && response.body !== null) return response.body;
  throw new DataError({
    who: "reading the package's data",
    rule: "the server must answer with the data file",
    got: `status ${response.status} for ${url.href}`,
    fix: "serve the package's data folder beside its code",
  });
}

function unreadable(shown: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  const isMissing = error.code === "ENOENT";
  return new DataError(
    {
      who: "reading sequences",
      rule: "the file must exist and be readable",
      got: isMissing ? `${shown}, which does not exist` : `${shown} (${error.message})`,
      fix: isMissing
        ? "check the path; where the file of a run has moved, name its new place"
        : "check the file's permissions",
    },
    { cause: error },
  );
}
