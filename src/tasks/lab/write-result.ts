/** A run of a claim or an experiment as files: its figures as JSON, its picture as SVG. */

import { paths } from "#files";

import type { ClaimResult, Figure, JsonRecord } from "../../lab/index.ts";
import { createFolder, writeFileAtomically } from "../../storage/files.ts";
import { toExactJson } from "../../storage/json.ts";

export interface ResultFiles {
  readonly resultPath: string;
  readonly figurePath: string;
}

/**
 * Writes result.json and figure.svg; files of these names are replaced.
 *
 * @param folder made when it is not there
 * @throws StorageError when they cannot be written
 */
export async function writeResult(
  folder: string,
  { result, figure }: { readonly result: ClaimResult | JsonRecord; readonly figure: Figure },
): Promise<ResultFiles> {
  // Loaded when it is needed: plots and a document cost every other command a third of a second.
  const { renderSvgFile } = await import("../../views/svg-file.ts");
  const picture = renderSvgFile(figure);
  const files = { resultPath: paths.join(folder, "result.json"), figurePath: paths.join(folder, "figure.svg") };
  await createFolder(folder);
  await writeFileAtomically(files.resultPath, toExactJson(result, "the result"));
  await writeFileAtomically(files.figurePath, picture);
  return files;
}
