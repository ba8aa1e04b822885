import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { describe, expect, it } from "vitest";

import { ndarray } from "../../graph/ndarray.ts";
import type { Pooling, SequenceEmbedding } from "../../inference/embed.ts";
import type { JsonValue } from "../../storage/json.ts";
import { formatOf, formats, type FormatName } from "./format.ts";
import type { EmbeddingPlan } from "./embedding-format.ts";
import { precisions, type Precision } from "./numbers.ts";

const modelDim = 3;

function embeddings(pooling: Pooling): SequenceEmbedding[] {
  return [2, 1, 5].map((length, index) => {
    const rows = pooling === "residues" ? length : 1;
    const data = Float32Array.from({ length: rows * modelDim }, (_, at) => (index + 1) * 0.1 + at);
    return { id: `p${index}"é`, length, embedding: { ...ndarray(data, [rows, modelDim]), data } };
  });
}

/** The files that windows give, one behind the other. */
async function write(
  name: FormatName,
  plan: EmbeddingPlan,
  windows: readonly SequenceEmbedding[][],
): Promise<Uint8Array[]> {
  const format = formats[name];
  const files = format.begin(plan).map((bytes) => Buffer.from(bytes));
  const marks: JsonValue[] = [];
  let [records, residues] = [0, 0];
  const written = () => ({ records, residues, bytes: files.map(({ length }) => length) });
  for (const window of windows) {
    const { parts, mark } = await format.block(window, plan, written());
    parts.forEach((part, at) => (files[at] = Buffer.concat([files[at] ?? Buffer.alloc(0), part])));
    // As through the journal.
    if (mark !== undefined) marks.push(JSON.parse(JSON.stringify(mark)) as JsonValue);
    records += window.length;
    residues += window.reduce((sum, { length }) => sum + length, 0);
  }
  const { tail, head } = await format.end(plan, written(), marks);
  const [first = Buffer.alloc(0), ...others] = files;
  if (head !== undefined) Buffer.from(head).copy(first);
  return [Buffer.concat([first, tail]), ...others].map((bytes) => new Uint8Array(bytes));
}

function plan(pooling: Pooling, precision: Precision): EmbeddingPlan {
  return { modelDim, pooling, precision, about: { model: "0123", pooling } };
}

describe.each(precisions)("embeddings in %s", (precision) => {
  // Digits behind the point that numbers up to 16 keep.
  const near = precision === "float32" ? 5 : 1;

  it("stand in Parquet with their identifiers, in the rows of all windows", async () => {
    const [a, b, c] = embeddings("mean") as [SequenceEmbedding, SequenceEmbedding, SequenceEmbedding];
    const [bytes = new Uint8Array(0)] = await write("parquet", plan("mean", precision), [[a, b], [c]]);
    const file = bytes.slice().buffer;
    const rows = await parquetReadObjects({ file });
    expect(rows.map(({ id }) => id)).toEqual(['p0"é', 'p1"é', 'p2"é']);
    rows.forEach(({ embedding }, index) => {
      expect(embedding).toHaveLength(modelDim);
      (embedding as number[]).forEach((value, at) => expect(value).toBeCloseTo((index + 1) * 0.1 + at, near));
    });
    const metadata = parquetMetadata(file);
    expect(metadata.row_groups).toHaveLength(2);
    expect(metadata.key_value_metadata).toContainEqual({ key: "performer.model", value: "0123" });
  });

  it("stand in Parquet residue by residue", async () => {
    const all = embeddings("residues");
    const [bytes = new Uint8Array(0)] = await write("parquet", plan("residues", precision), [
      all.slice(0, 1),
      all.slice(1),
    ]);
    const rows = await parquetReadObjects({ file: bytes.slice().buffer });
    expect(rows.map(({ id, position }) => `${id} ${position}`)).toEqual(
      ["0 1", "0 2", "1 1", "2 1", "2 2", "2 3", "2 4", "2 5"].map((row) => `p${row.replace(" ", '"é ')}`),
    );
    expect((rows as { embedding: number[] }[])[7]?.embedding[2]).toBeCloseTo(0.3 + 14, near);
  });

  it.each([
    ["mean", 3],
    ["residues", 8],
  ] as const)("are a NumPy array with pooling %s", async (pooling, numRows) => {
    const all = embeddings(pooling);
    const [array = new Uint8Array(0), ids] = await write("npy", plan(pooling, precision), [
      all.slice(0, 1),
      all.slice(1),
    ]);
    const width = precision === "float32" ? 4 : 2;
    const header = Buffer.from(array.subarray(0, 128)).toString("latin1");
    expect(header.slice(0, 8)).toBe("\x93NUMPY\x01\x00");
    expect(Buffer.from(array).readUInt16LE(8)).toBe(118);
    expect(header.slice(10)).toMatch(
      new RegExp(`^\\{'descr': '<f${width}', 'fortran_order': False, 'shape': \\(${numRows}, 3\\), \\} *\\n$`),
    );
    expect(array).toHaveLength(128 + numRows * modelDim * width);
    if (precision === "float32") {
      const values = new Float32Array(array.slice(128).buffer);
      expect(values).toEqual(Float32Array.from(all.flatMap(({ embedding }) => [...embedding.data])));
    }
    const lines = Buffer.from(ids ?? [])
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(lines[2]).toEqual({ id: 'p2"é', row: numRows === 3 ? 2 : 3, rows: numRows === 3 ? 1 : 5 });
  });

  it("are a line of JSON each", async () => {
    const [bytes] = await write("jsonl", plan("residues", precision), [embeddings("residues")]);
    const lines = Buffer.from(bytes ?? [])
      .toString()
      .trimEnd()
      .split("\n");
    const second = JSON.parse(lines[1] ?? "") as { id: string; embedding: number[][] };
    expect(second.id).toBe('p1"é');
    expect(second.embedding).toHaveLength(1);
    second.embedding[0]?.forEach((value, at) => expect(value).toBeCloseTo(0.2 + at, near));
  });
});

describe("the format of a file", () => {
  it("is told by its ending", () => {
    expect(["a.parquet", "b.NPY", "c.d.jsonl"].map(formatOf)).toEqual(["parquet", "npy", "jsonl"]);
    expect(() => formatOf("a.csv")).toThrow(
      '--out must end in .parquet, .npy, .jsonl, got "a.csv"; rename it, or say which with --format',
    );
  });
});
