/** Files and folders, and the package's own protein data. */
import { PerformerError } from "../graph/errors.ts";
import { files, packagedUrl, paths } from "#files";
import { DataError } from "./errors.ts";
import { loadProteins, type ProteinDataset } from "./proteins.ts";
import type { ByteSource } from "./bytes.ts";

/**
 * A file's bytes, piece by piece. Nothing is opened before the first piece is asked for.
 *
 * @param path a path, in Node relative to the working directory or absolute, in browsers one of the page's own storage;
 *   or a URL
 * @throws DataError when there is no such file, when it is a folder, and when it may not be read
 */
export async function* openFile(path: string | URL): AsyncGenerator<Uint8Array> {
  const shown = JSON.stringify(String(path));
  const file = path instanceof URL ? paths.fromUrl(path) : path;
  try {
    if ((await files.stat(file))?.isFolder === true) {
      throw new DataError({
        who: "reading sequences",
        rule: "the path must lead to a file",
        got: `the folder ${shown}`,
        fix: "name a file inside it",
      });
    }
    yield* files.stream(file);
  } catch (error) {
    throw unreadable(shown, error);
  }
}

/** Where the package's data are read from. */
export interface PackagedOptions {
  /**
   * The address at which the package's folder data/ is served, such as `new URL("/data/", location.href)`. Needed in
   * browsers, as bundlers leave data out. Default in Node: the folder itself.
   */
  readonly dataUrl?: string | URL;
}

/** The embedded protein data: 2,538 Swiss-Prot sequences with family splits (see data/README.md). */
export const embeddedProteinsUrl: URL = packagedUrl("swissprot-families.fasta");

/**
 * Loads the embedded protein data: from the package in Node, from where it is served in browsers.
 *
 * @throws DataError when the file is missing
 */
export async function loadEmbeddedProteins(options: PackagedOptions = {}): Promise<ProteinDataset> {
  const name = "swissprot-families.fasta";
  return loadProteins({ source: openPackaged(name, options), name, splitBy: "header" });
}

/**
 * The files of a folder whose names end so, in the order of their names; folders inside are left out.
 *
 * @param endings lower case, e.g. [".png", ".jpg"]; names are compared in lower case
 * @throws DataError when there is no such folder, and when it holds no such file
 */
export async function openFolder(
  folder: string,
  endings: readonly string[],
): Promise<{ readonly name: string; readonly source: ByteSource }[]> {
  const entries = await files.list(folder).catch((error: unknown) => {
    throw unreadable(JSON.stringify(folder), error);
  });
  const names = entries
    .filter((entry) => !entry.isFolder && endings.some((ending) => entry.name.toLowerCase().endsWith(ending)))
    .map((entry) => entry.name)
    .sort();
  if (names.length > 0) return names.map((name) => ({ name, source: openFile(paths.join(folder, name)) }));
  throw new DataError({
    who: "reading a folder",
    rule: `the folder must hold at least one file that ends in ${endings.join(" or ")}`,
    got: `${JSON.stringify(folder)}, which holds ${entries.length} other entries`,
    fix: "name the folder that holds the files themselves",
  });
}

/** A file of the package's folder data/. */
export function openPackaged(name: string, { dataUrl }: PackagedOptions = {}): ByteSource {
  return openFile(dataUrl === undefined ? packagedUrl(name) : new URL(name, `${String(dataUrl).replace(/\/+$/, "")}/`));
}

function unreadable(shown: string, error: unknown): unknown {
  if (error instanceof PerformerError || !(error instanceof Error) || !("code" in error)) return error;
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
    { cause: error, ...(isMissing && { code: "ERR_NOT_FOUND" }) },
  );
}
