// Finds the claims: they use the package as its users do, so nothing in src/ may import them, and they are loaded when asked for.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { Claim } from "../../lab/index.ts";
import { StorageError } from "../../storage/errors.ts";

export type LoadClaims = () => Promise<readonly Claim[]>;

/** The compiled lab/index.ts, beside this program: dist/claims/, seen from dist/cli/lab/. */
const builtClaims = new URL("../../claims/index.js", import.meta.url);

/**
 * Loads the claims that the build has compiled.
 *
 * @param table the module with the table `claims`
 * @throws StorageError when there is none
 */
export async function loadBuiltClaims(table: URL = builtClaims): Promise<readonly Claim[]> {
  if (!existsSync(table)) {
    throw new StorageError(
      `${fileURLToPath(table)}: not found (the laboratory's claims, compiled); run npm run build, or reinstall the package.`,
    );
  }
  // A module named by a computed address has no type; scripts/build.mjs compiles it from lab/index.ts, which declares this one.
  const { claims } = (await import(table.href)) as { readonly claims: readonly Claim[] };
  return claims;
}
