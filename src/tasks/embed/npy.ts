/*
 * Embeddings as a NumPy array, [sequences, modelDim] or with a vector a residue [residues, modelDim], and beside it a
 * line for each sequence: {"id": "P00974", "row": 0, "rows": 1}, in the order of the array.
 *
 * The shape stands in the header and is known at the end only, so the header has a fixed size and is written twice.
 * Source of the format: NumPy Enhancement Proposal 1, version 1.0.
 */

import type { EmbeddingFormat, EmbeddingPlan } from "./embedding-format.ts";
import { numberBytes } from "./numbers.ts";

/** A multiple of 64, as the format asks; room for any number of rows. */
const HEADER_BYTES = 128;
const MAGIC = "\x93NUMPY\x01\x00";

export const npyFormat: EmbeddingFormat = {
  suffixes: ["", ".ids.jsonl"],
  begin: (plan) => [header(plan, 0), new Uint8Array(0)],
  block: async (embeddings, plan, before) => {
    let row = plan.pooling === "residues" ? before.residues : before.records;
    const lines = embeddings.map(({ id, length }) => {
      const rows = plan.pooling === "residues" ? length : 1;
      row += rows;
      return `${JSON.stringify({ id, row: row - rows, rows })}\n`;
    });
    const numbers = embeddings.map(({ embedding }) => numberBytes(embedding.data, plan.precision));
    return { parts: [Buffer.concat(numbers), new TextEncoder().encode(lines.join(""))] };
  },
  end: async (plan, { records, residues }) => ({
    tail: new Uint8Array(0),
    head: header(plan, plan.pooling === "residues" ? residues : records),
  }),
};

function header({ modelDim, precision }: EmbeddingPlan, rows: number): Uint8Array {
  const descr = precision === "float32" ? "<f4" : "<f2";
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${rows}, ${modelDim}), }`;
  const length = HEADER_BYTES - MAGIC.length - 2;
  const bytes = Buffer.alloc(HEADER_BYTES, " ");
  bytes.write(MAGIC, "latin1");
  bytes.writeUInt16LE(length, MAGIC.length);
  bytes.write(text, MAGIC.length + 2, "latin1");
  bytes.write("\n", HEADER_BYTES - 1, "latin1");
  return bytes;
}
