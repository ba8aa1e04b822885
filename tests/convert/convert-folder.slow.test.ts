/** The folder of a converted model is read again as the model that was saved, whatever it was before. */

import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createBackend } from "#engine";
import {
  convertedFiles,
  convertPretrained,
  embedTexts,
  isPretrained,
  loadPretrained,
  memorySource,
  saveConverted,
} from "../../src/convert/index.ts";
import { openFolderSource } from "../../src/storage/folder-source.ts";
import { changedJson, goldenFiles, goldenFolder, loadGolden } from "./golden.ts";

const favor = { mechanism: "favor", numFeatures: 13, seed: 5 } as const;
const backend = createBackend();

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "performer-convert-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe("a converted model's folder", () => {
  it.each(["bert", "gpt2", "esm"] as const)("of %s is read again as the model that was saved", async (name) => {
    const source = await openFolderSource(goldenFolder(name));
    const converted = convertPretrained(await loadGolden(name), { ...favor, layers: [0], maxSeqLen: 2048 });
    const path = join(folder, "new", name);
    await saveConverted(path, converted, source);
    const saved = await openFolderSource(path);
    expect(await isPretrained(saved)).toBe(true);
    const found = await loadPretrained(saved);
    const { modelType, reads, pooling, normalize, longest, config, tensors } = found;
    expect({ modelType, reads, pooling, normalize, longest, config, tensors }).toEqual({
      modelType: converted.modelType,
      reads: converted.reads,
      pooling: converted.pooling,
      normalize: converted.normalize,
      longest: converted.longest,
      config: converted.config,
      tensors: converted.tensors,
    });
    expect(found.unused).toEqual([]);
    const text = name === "esm" ? "MKVLATG" : `${"a man ".repeat(40)}eats`;
    expect(found.encode(text)).toEqual(converted.encode(text));
    expect(await embedTexts(found, [text], { backend })).toEqual(await embedTexts(converted, [text], { backend }));
    expect((await readdir(join(folder, "new"))).filter((each) => each.includes("partial"))).toEqual([]);
  });

  it("keeps pooling, normalisation, lower case and prompt, and has the model beside them", async () => {
    const files = await goldenFiles("bert");
    const source = memorySource("st", {
      ...Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`0_Transformer/${name}`, bytes])),
      "modules.json": JSON.stringify([
        { type: "sentence_transformers.models.Transformer", path: "0_Transformer" },
        { type: "sentence_transformers.models.Pooling", path: "1_Pooling" },
        { type: "sentence_transformers.models.Normalize", path: "2_Normalize" },
      ]),
      "1_Pooling/config.json": JSON.stringify({ pooling_mode_cls_token: true }),
      "0_Transformer/sentence_bert_config.json": JSON.stringify({ max_seq_length: 7, do_lower_case: true }),
      "config_sentence_transformers.json": JSON.stringify({ prompts: { q: "the " }, default_prompt_name: "q" }),
    });
    const converted = convertPretrained(await loadPretrained(source), favor);
    const saved = await convertedFiles(converted, source);
    const found = await loadPretrained(memorySource("saved", saved));
    expect(found).toMatchObject({ pooling: "cls", normalize: true, longest: 7 });
    expect(found.encode("MAN is eating food with a woman")).toEqual(
      converted.encode("MAN is eating food with a woman"),
    );
    // Converted once more, it still says where it comes from.
    const again = await convertedFiles(convertPretrained(found, favor), memorySource("saved", saved));
    expect(again).toEqual(saved);
  });

  it("is new or empty, or nothing is written", async () => {
    const source = await openFolderSource(goldenFolder("bert"));
    const converted = convertPretrained(await loadGolden("bert"), favor);
    const empty = join(folder, "empty");
    await mkdir(empty);
    await saveConverted(empty, converted, source);
    const full = join(folder, "full");
    await mkdir(full);
    await writeFile(join(full, "mine.txt"), "mine");
    await expect(saveConverted(full, converted, source)).rejects.toThrow("must be new or empty, got one with 1 file;");
    expect(await readdir(full)).toEqual(["mine.txt"]);
    await expect(saveConverted(join(full, "mine.txt"), converted, source)).rejects.toThrow("mine.txt");
  });

  it("with a mechanism that is none is refused by its config.json", async () => {
    const source = await openFolderSource(goldenFolder("bert"));
    const converted = convertPretrained(await loadGolden("bert"), favor);
    const files = await convertedFiles(converted, source);
    const bytes = new TextEncoder().encode(String(files["config.json"]));
    const wrong = {
      ...files,
      "config.json": changedJson(bytes, { model: { ...converted.config, mechanism: "favr" } }),
    };
    await expect(loadPretrained(memorySource("x", wrong))).rejects.toThrow("x/config.json: model: mechanism");
    const origin = { ...files, "config.json": changedJson(bytes, { pretrained: { model_type: "bart" } }) };
    await expect(loadPretrained(memorySource("x", origin))).rejects.toThrow("model_type must be one of bert");
    const run = { ...files, "config.json": changedJson(bytes, { pretrained: undefined }) };
    expect(await isPretrained(memorySource("x", run))).toBe(false);
  });
});
