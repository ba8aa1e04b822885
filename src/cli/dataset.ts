// The sequences of a run: where they come from, and how to tell that they are still the same.

import { createHash } from "node:crypto";
import { basename, resolve } from "node:path";

import { embeddedProteinsUrl, loadProteins, openFile, splitNames } from "../data/index.ts";
import type { ProteinDataset } from "../data/index.ts";
import { formatCount } from "./output/numbers.ts";

export interface DataSource {
  /** An absolute path; null stands for the embedded proteins. */
  readonly path: string | null;
  readonly splitBy: "header" | "hash";
}

/** The name that `--fasta` or a recipe gives, as a source: relative to the working directory. */
export function dataSource(path: string | undefined, splitBy: DataSource["splitBy"] = "header"): DataSource {
  return { path: path === undefined ? null : resolve(path), splitBy };
}

/** @throws DataError naming file, line and record of what cannot be used */
export async function loadData({ path, splitBy }: DataSource): Promise<ProteinDataset> {
  const source = path ?? embeddedProteinsUrl;
  return loadProteins({ source: openFile(source), name: basename(path ?? embeddedProteinsUrl.pathname), splitBy });
}

/** SHA-256 of all splits: a run that goes on with other sequences would not be the same run. */
export function digestOf(dataset: ProteinDataset): string {
  const hash = createHash("sha256");
  for (const split of splitNames) {
    hash.update(`${split}\0`);
    for (const { tokenIds } of dataset.splits[split]) hash.update(`${tokenIds.length}\0`).update(tokenIds);
  }
  return hash.digest("hex");
}

/** "swissprot-families.fasta: 1,787 train, 255 valid, 256 test, 240 ood sequences". */
export function describeData({ name, splits }: ProteinDataset): string {
  const counts = splitNames
    .filter((split) => splits[split].length > 0)
    .map((split) => `${formatCount(splits[split].length)} ${split}`);
  return `${name}: ${counts.join(", ")} sequences`;
}
