/*
 * Embeddings as Parquet: columns `id` and `embedding`, a list of numbers; with a vector a residue a row for each, with
 * its `position` in the sequence, counted from 1.
 *
 * Row groups are written one by one; what the footer must say of them is kept as a mark until the end.
 */

import type { RowGroup, SchemaElement } from "hyparquet";

import type { SequenceEmbedding } from "../../inference/embed.ts";
import type { JsonValue } from "../../storage/json.ts";
import type { EmbeddingFormat, EmbeddingPlan } from "./embedding-format.ts";
import { roundedTo } from "./numbers.ts";

const MAGIC = "PAR1";
/** Numbers of a row group: the writer holds several copies of them. */
const GROUP_NUMBERS = 2 ** 20;

export const parquetFormat: EmbeddingFormat = {
  suffixes: [""],
  begin: () => [new TextEncoder().encode(MAGIC)],
  block: async (embeddings, plan, { bytes: [offset = 0] }) => {
    const { writer, file } = await writerAt(offset, plan);
    const rowGroupSize = Math.max(1, Math.floor(GROUP_NUMBERS / plan.modelDim));
    for (const rows of inGroups(rowsOf(embeddings, plan), rowGroupSize)) {
      // `PLAIN` because no two numbers are alike, and uncompressed because what is left is noise to Snappy.
      await file.write({
        rowGroupSize,
        columnData: [
          { name: "id", data: rows.map(({ id }) => id), offsetIndex: false },
          ...(plan.pooling === "residues"
            ? [{ name: "position", data: Int32Array.from(rows, ({ position }) => position), offsetIndex: false }]
            : []),
          {
            name: "embedding",
            // The writer takes lists for nothing but arrays.
            data: rows.map(({ vector }) => Array.from(vector)),
            encoding: "PLAIN" as const,
            codec: "UNCOMPRESSED" as const,
            offsetIndex: false,
          },
        ],
      });
    }
    return { parts: [writer.getBytes()], mark: toMark(file.row_groups) };
  },
  end: async (plan, { bytes: [offset = 0] }, marks) => {
    const { writer, file } = await writerAt(offset, plan);
    file.row_groups = marks.flatMap(fromMark);
    file.num_rows = file.row_groups.reduce((sum, { num_rows }) => sum + num_rows, 0n);
    await file.finish();
    return { tail: writer.getBytes() };
  },
};

interface ParquetRow {
  readonly id: string;
  readonly position: number;
  readonly vector: Float32Array;
}

function* rowsOf(
  embeddings: readonly SequenceEmbedding[],
  { modelDim, precision }: EmbeddingPlan,
): Generator<ParquetRow> {
  for (const { id, embedding } of embeddings) {
    const numbers = roundedTo(embedding.data, precision);
    for (let row = 0; row < numbers.length / modelDim; row++) {
      yield { id, position: row + 1, vector: numbers.subarray(row * modelDim, (row + 1) * modelDim) };
    }
  }
}

function* inGroups<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let group: T[] = [];
  for (const item of items) {
    group.push(item);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** A writer whose next byte is byte `offset` of the file. */
async function writerAt(offset: number, plan: EmbeddingPlan) {
  const { ByteWriter, ParquetWriter } = await import("hyparquet-writer");
  const writer = new ByteWriter();
  const kvMetadata = Object.entries(plan.about).map(([key, value]) => ({ key: `performer.${key}`, value }));
  // Without statistics: the least number of a column of vectors helps no reader.
  const file = new ParquetWriter({ writer, schema: schemaOf(plan), statistics: false, kvMetadata });
  // It has begun a file of its own.
  writer.index = 0;
  writer.offset = offset;
  return { writer, file };
}

function schemaOf({ pooling, precision }: EmbeddingPlan): SchemaElement[] {
  const isResidues = pooling === "residues";
  const number: SchemaElement =
    precision === "float32"
      ? { name: "element", type: "FLOAT", repetition_type: "REQUIRED" }
      : {
          name: "element",
          type: "FIXED_LEN_BYTE_ARRAY",
          type_length: 2,
          logical_type: { type: "FLOAT16" },
          repetition_type: "REQUIRED",
        };
  return [
    { name: "root", num_children: isResidues ? 3 : 2 },
    { name: "id", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
    ...(isResidues ? ([{ name: "position", type: "INT32", repetition_type: "REQUIRED" }] as const) : []),
    { name: "embedding", repetition_type: "REQUIRED", converted_type: "LIST", num_children: 1 },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    number,
  ];
}

/** 64-bit integers as text behind a sign that no other text of a row group has. */
const BIGINT_MARK = "bigint:";

function toMark(groups: readonly RowGroup[]): JsonValue {
  const text = JSON.stringify(groups, (_, value: unknown) => (typeof value === "bigint" ? BIGINT_MARK + value : value));
  return JSON.parse(text) as JsonValue; // what JSON.parse returns
}

/** @param mark what `toMark` made */
function fromMark(mark: JsonValue): RowGroup[] {
  const isBigint = (value: unknown): value is string => typeof value === "string" && value.startsWith(BIGINT_MARK);
  return JSON.parse(JSON.stringify(mark), (_, value: unknown) =>
    isBigint(value) ? BigInt(value.slice(BIGINT_MARK.length)) : value,
  ) as RowGroup[]; // as they were before toMark
}
