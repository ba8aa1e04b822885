import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createBackend } from "#engine";
import { proteinVocabulary } from "../../data/index.ts";
import { modelConfig } from "../../model/config.ts";
import { createRandom } from "../../random/index.ts";
import { initialState } from "../../training/index.ts";
import { formatNames } from "./format.ts";
import type { EmbeddingPlan } from "./embedding-format.ts";
import { embedToFile, embedToText, type FileJob } from "./write-embeddings.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "performer-embed-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const vocabulary = proteinVocabulary;
const config = modelConfig({
  modelDim: 12,
  numLayers: 1,
  numHeads: 2,
  mlpDim: 7,
  numFeatures: 5,
  vocabSize: vocabulary.size,
});
const { model: tensors } = initialState(config, 3);
const backend = createBackend();
const random = createRandom(1, "embed", "test");

/** Three windows of 1024 at most. */
const sequences = Array.from({ length: 2500 }, (_, index) => ({
  id: `p${index}`,
  tokenIds: Int32Array.from({ length: 1 + random.integer(90) }, () => 4 + random.integer(20)),
}));

async function* readAll() {
  yield* sequences;
}

const plan: EmbeddingPlan = { modelDim: 12, pooling: "mean", precision: "float32", about: { model: "abc" } };
const job = { config, tensors, vocabulary, backend, plan, sequences: readAll };

function write(name: string, options: Partial<FileJob> & Pick<FileJob, "format">) {
  const path = join(folder, name);
  return embedToFile({ ...job, path, request: { model: "abc" }, resume: false, overwrite: false, ...options });
}

describe.each(formatNames)("embeddings in %s", (format) => {
  it("are the same byte by byte when their writing was interrupted in every window", async () => {
    const whole = await write("whole", { format });
    expect(whole).toMatchObject({ records: 2500, newResidues: whole.residues });
    const held: number[] = [];
    for (let turn = 0; turn < 20; turn++) {
      const controller = new AbortController();
      // In the second window of this turn, behind a few of its batches.
      let stop = Number.POSITIVE_INFINITY;
      const result = await write("parted", {
        format,
        resume: true,
        signal: controller.signal,
        onBegin: ({ residues }) => (stop = residues + 60_000),
        onProgress: (residues) => residues > stop && controller.abort(),
      });
      held.push(result.records);
      if (result.files.length > 0) break;
    }
    expect(held).toEqual([1024, 2048, 2500]);
    for (const suffix of format === "npy" ? ["", ".ids.jsonl"] : [""]) {
      const [a, b] = await Promise.all(["whole", "parted"].map((name) => readFile(join(folder, name + suffix))));
      expect(a?.equals(b ?? Buffer.alloc(0))).toBe(true);
    }
    await Promise.all(
      ["whole", "parted", "whole.ids.jsonl", "parted.ids.jsonl"].map((name) => rm(join(folder, name), { force: true })),
    );
  });
});

describe("embeddings as text", () => {
  it.each([true, false])("are those of a file, as one document: %s", async (isDocument) => {
    const pieces: string[] = [];
    const few = async function* () {
      yield* sequences.slice(0, 1030);
    };
    await embedToText({ ...job, sequences: few, isDocument }, (piece) => void pieces.push(piece));
    const text = pieces.join("");
    const rows = isDocument
      ? (JSON.parse(text) as { embeddings: unknown[] }).embeddings
      : text
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line) as unknown);
    await write("few.parquet", { format: "parquet", sequences: few, overwrite: true });
    const file = (await readFile(join(folder, "few.parquet"))).buffer;
    expect(rows).toHaveLength(1030);
    const wanted = await parquetReadObjects({ file });
    const rounded = (numbers: number[]) => numbers.map((value) => Math.fround(value));
    expect(
      (rows as { id: string; embedding: number[] }[]).map(({ id, embedding }) => ({
        id,
        embedding: rounded(embedding),
      })),
    ).toEqual(wanted);
  });
});
