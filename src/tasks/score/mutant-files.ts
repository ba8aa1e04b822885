/** `--out` of --mutants: the heat map as a picture, the table as a file. */

import { problem } from "../../graph/errors.ts";
import { dirname, extname } from "node:path";

import type { MutantScores } from "../../inference/mutants.ts";
import { createFolder, writeFileAtomically } from "../../storage/files.ts";
import { UsageError } from "../../runs/usage.ts";
import { toSvg } from "../../views/picture/picture.ts";
import { toPng } from "../../views/picture/raster.ts";
import { heatMapOf } from "../../views/heat-map.ts";
import { mutantsCsv } from "./mutant-report.ts";

/** What a file of each ending holds. */
const formats = {
  ".svg": (scores) => toSvg(heatMapOf(scores)),
  ".png": (scores) => toPng(heatMapOf(scores)),
  ".csv": mutantsCsv,
} as const satisfies Record<string, (scores: MutantScores) => string | Uint8Array>;

interface OutputOptions {
  readonly out?: readonly string[];
  readonly mutants?: boolean;
}

/** @throws UsageError for files of other kinds, and for files without --mutants */
export function checkOutputs({ out = [], mutants }: OutputOptions): void {
  const [first] = out;
  if (first !== undefined && mutants !== true) {
    throw new UsageError(
      problem`--out must come with --mutants, got ${first} alone; scores of proteins go to standard output: redirect
      them with >`,
    );
  }
  for (const path of out) formatOf(path);
}

/**
 * Writes every file.
 *
 * @returns their paths
 * @throws StorageError when one cannot be written
 */
export async function writeMutants(paths: readonly string[], scores: MutantScores): Promise<readonly string[]> {
  for (const path of paths) {
    await createFolder(dirname(path));
    await writeFileAtomically(path, formats[formatOf(path)](scores));
  }
  return paths;
}

function formatOf(path: string): keyof typeof formats {
  const ending = extname(path).toLowerCase();
  if (ending === ".svg" || ending === ".png" || ending === ".csv") return ending;
  throw new UsageError(
    problem`--out must name a file that ends in ${Object.keys(formats).join(", ")}, got ${JSON.stringify(path)}; use one
    of these endings`,
  );
}
