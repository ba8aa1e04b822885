/**
 * Finds the claims and experiments: they use the package as its users do, so nothing in src/ may import them, and they
 * are loaded when asked for.
 */

import { problem } from "../../graph/errors.ts";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Claim, Experiment } from "../../lab/index.ts";
import { StorageError } from "../../storage/errors.ts";

/** What lab/index.ts exports. */
export interface LabTable {
  readonly claims: readonly Claim[];
  readonly experiments: readonly Experiment[];
}

export type LoadLab = () => Promise<LabTable>;

/** The compiled lab/index.ts, beside this program: dist/claims/, seen from dist/cli/lab/. */
const builtTable = new URL("../../claims/index.js", import.meta.url);

/**
 * Loads what the build has compiled of the laboratory.
 *
 * @param table the module with the tables
 * @throws StorageError when there is none
 */
export async function loadBuiltLab(table: URL = builtTable): Promise<LabTable> {
  if (!existsSync(table)) {
    throw new StorageError(
      problem`${fileURLToPath(table)}: not found (the laboratory, compiled); run npm run build, or reinstall the
      package.`,
    );
  }
  // A module named by a computed address has no type; scripts/build.mjs compiles it from lab/index.ts, which declares
  // this one.
  return (await import(table.href)) as LabTable;
}
