/** Protein data sets from FASTA files of any size on disk. */
import { openFile } from "./files.ts";
import { indexFasta, type FastaIndex, type FastaIndexOptions } from "./files-fasta-index.ts";
import { packedDataset, type LengthLimits, type PackedDataset } from "./packed-dataset.ts";
import { readFamilies, type ProteinSplitRule } from "./protein-splits.ts";
import type { TagOptions } from "./conditioning.ts";

/** How a FASTA file becomes a data set. */
export interface IndexedProteinOptions extends FastaIndexOptions, TagOptions, LengthLimits {
  /** The rule that assigns proteins to splits, as in `loadProteins`. */
  readonly splitBy: ProteinSplitRule;
  /**
   * The path of a table of families (see `readFamilies`), for splits or tags by family. Default: the families of the
   * headers.
   */
  readonly families?: string;
}

/** A data set whose sequences are read from an index. Disposing of it closes the index's files. */
export interface IndexedProteins extends PackedDataset, AsyncDisposable {
  readonly index: FastaIndex;
}

/**
 * Indexes a FASTA file and parts its records; sequences are read when a batch needs them.
 *
 * @throws DataError on everything that `indexFasta`, `readFamilies` and `packedDataset` refuse
 */
export async function loadIndexedProteins(
  path: string | URL,
  options: IndexedProteinOptions,
): Promise<IndexedProteins> {
  const { families, splitBy, minLength, maxLength, tags, minTagged, ...indexing } = options;
  const table = families === undefined ? undefined : await readFamilies(openFile(families), families);
  const index = await indexFasta(path, indexing);
  try {
    const dataset = packedDataset(index, {
      name: index.name,
      splitBy,
      ...(minLength !== undefined && { minLength }),
      ...(maxLength !== undefined && { maxLength }),
      ...(tags !== undefined && { tags }),
      ...(minTagged !== undefined && { minTagged }),
      ...(table !== undefined && { families: table }),
    });
    return { ...dataset, index, [Symbol.asyncDispose]: () => index[Symbol.asyncDispose]() };
  } catch (error) {
    await index[Symbol.asyncDispose]();
    throw error;
  }
}
