/** What fewer bits cost all-MiniLM-L6-v2 once it is exported: bytes, and how near its vectors stay (docs/export.md). */

import { beforeAll, describe, expect, it } from "vitest";

import { createBackend } from "#engine";
import { novelSentences } from "../../src/tasks/convert/sample.ts";
import {
  embedTexts,
  exportOnnx,
  loadPretrained,
  type ExportOnnxOptions,
  type PretrainedModel,
} from "../../src/convert/index.ts";
import { minilmFolder } from "./minilm.ts";
import { floats, int64, openExport } from "./onnx.ts";

const backend = createBackend({ threads: 1 });
let model: PretrainedModel;
let texts: readonly string[];
/** Of length 1. */
let ours: Awaited<ReturnType<typeof embedTexts>>;

beforeAll(async () => {
  await using folder = await minilmFolder();
  model = await loadPretrained(folder.path);
  texts = await novelSentences(32);
  ours = await embedTexts(model, texts, { backend });
});

/** Cosines of the exported model's vectors with those of ours in float32. */
async function measure(dtype: NonNullable<ExportOnnxOptions["dtype"]>) {
  const exported = exportOnnx(model, { dtype });
  const session = await openExport(exported);
  const rows = texts.map((text) => [...model.encode(text).tokenIds]);
  const length = Math.max(...rows.map((row) => row.length));
  const shape = [rows.length, length];
  const padded = (value: (id: number) => number) =>
    int64(
      rows.flatMap((row) => Array.from({ length }, (_, place) => (place < row.length ? value(row[place] ?? 0) : 0))),
      shape,
    );
  const result = await session.run({ input_ids: padded((id) => id), attention_mask: padded(() => 1) });
  const states = floats(result["last_hidden_state"]);
  await session.release();
  const { modelDim } = model.config;
  const cosines = ours.map(({ data }, row) => {
    const mean = new Float64Array(modelDim);
    const count = rows[row]?.length ?? 1;
    for (let i = 0; i < count * modelDim; i++) {
      mean[i % modelDim] = (mean[i % modelDim] ?? 0) + (states[row * length * modelDim + i] ?? 0) / count;
    }
    const product = mean.reduce((sum, value, index) => sum + value * (data[index] ?? 0), 0);
    return product / Math.sqrt(mean.reduce((sum, value) => sum + value * value, 0));
  });
  return { sizeBytes: exported.sizeBytes, least: Math.min(...cosines) };
}

describe("an exported all-MiniLM-L6-v2", () => {
  it.each([
    ["float16", 46e6, 1 - 1e-7],
    ["int8", 25e6, 0.999],
  ] as const)("in %s takes at most %d bytes and keeps cosines of %d", async (dtype, most, cosine) => {
    const { sizeBytes, least } = await measure(dtype);
    expect(sizeBytes).toBeLessThan(most);
    expect(least).toBeGreaterThan(cosine);
  });
});
