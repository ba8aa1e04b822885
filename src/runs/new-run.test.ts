/** What the command line asks for: which recipe, which data, and what is refused before any are read. */

import { resolve } from "node:path";
import { describe, expect, it } from "vitest";

import { UsageError } from "./usage.ts";
import { requested } from "./new-run.ts";
import { checkRecipe, undecided } from "./run-config.ts";

describe("requested", () => {
  it.each([
    [{}, "demo", { kind: "proteins" }],
    [{ data: "pride-and-prejudice" }, "text", { kind: "text", source: "pride-and-prejudice" }],
    [{ data: "fashion-mnist", task: "classification" }, "fashion", { kind: "images", task: "classification" }],
    [{ data: "mails.csv", labelColumn: "spam" }, "labelled", { path: resolve("mails.csv"), labelColumn: "spam" }],
    [{ fasta: "seq.txt", splitBy: "hash" }, "demo", { kind: "proteins", path: resolve("seq.txt"), splitBy: "hash" }],
  ] as const)("takes for %j the recipe %s", async (options, name, data) => {
    const { recipe, source } = await requested(undefined, options);
    expect(recipe.name).toBe(name);
    expect(source).toMatchObject(data);
  });

  it("takes data from a recipe that is named, and leaves what is not data to other data", async () => {
    expect((await requested("fashion", {})).source).toEqual({ kind: "images", source: "fashion-mini", imageSize: 14 });
    expect((await requested("fashion", { data: "fashion-mnist", grey: true })).source).toEqual({
      kind: "images",
      source: "fashion-mnist",
      imageSize: 14,
      channels: 1,
    });
    expect((await requested(undefined, { data: "fashion-mini" })).source).not.toHaveProperty("imageSize");
  });

  it("finds a relative tokenizer from where the command is given", async () => {
    const { source } = await requested(undefined, { data: "a.txt", tokenizer: "tokenizer.json" });
    expect(source.tokenizer).toBe(resolve("tokenizer.json"));
  });

  it("lets a mechanism that sees both sides learn labels, and nothing that must not look ahead", async () => {
    const set = ["mechanism=nystrom"];
    await expect(requested(undefined, { data: "mails.csv", set })).resolves.toHaveProperty("recipe.name", "labelled");
    await expect(requested(undefined, { task: "masked", set })).resolves.toHaveProperty("source.task", "masked");
    await expect(requested(undefined, { set })).rejects.toThrow(/attention must be bidirectional/);
  });

  it.each(["--set", "a recipe"])("takes a mechanism with its options in brackets, from %s", (origin) => {
    const model = { mechanism: "local(window=16)", numLayers: 2 };
    const recipe = { name: "own", model, training: {}, data: {}, origin };
    expect(checkRecipe(recipe, undecided("language-modeling")).model.mechanism).toEqual({ name: "local", window: 16 });
    const perLayer = { ...recipe, model: { ...model, mechanism: ["exact", "local(window=16)"] } };
    expect(checkRecipe(perLayer, undecided("language-modeling")).model.mechanism).toEqual([
      "exact",
      { name: "local", window: 16 },
    ]);
    expect(() => checkRecipe({ ...recipe, model: { mechanism: "local(windw=16)" } }, undecided("masked"))).toThrow(
      /did you mean 'window'/,
    );
  });

  it("refuses images that do not fit, with the size that is needed", () => {
    const of = (maxSeqLen?: number) => ({
      name: "own",
      model: maxSeqLen === undefined ? {} : { maxSeqLen },
      training: {},
      data: {},
      origin: "recipe own.jsonc",
    });
    const image = { ...undecided("language-modeling"), image: { width: 7, height: 7, channels: 1 } as const };
    expect(() => checkRecipe(of(48), image)).toThrow(
      /^recipe own\.jsonc: model: maxSeqLen must be at least 49, the places of an image, got 48; leave it out/,
    );
    expect(() => checkRecipe(of(50), { ...image, task: "masked" })).toThrow(/must be at least 51/);
    expect([of(), of(49), of(64)].map((recipe) => checkRecipe(recipe, image).model.maxSeqLen)).toEqual([49, 49, 64]);
  });

  it("gives patches the shape of the images, and refuses another, and data that are none", () => {
    const of = (patches: object) => ({ name: "own", model: { patches }, training: {}, data: {}, origin: "own.jsonc" });
    const image = { width: 6, height: 4, channels: 3 } as const;
    const decided = { ...undecided("classification"), isOpen: false, image };
    expect(checkRecipe(of({ size: 2 }), decided).model).toMatchObject({
      patches: { size: 2, ...image },
      maxSeqLen: 74,
    });
    expect(() => checkRecipe(of({ size: 2, width: 8 }), decided)).toThrow(
      "own.jsonc: model: patches.width must be that of the images, 6, got 8; leave it out",
    );
    expect(() => checkRecipe(of({ size: 5 }), decided)).toThrow("patches.size must divide");
    expect(() => checkRecipe(of({ size: 2 }), { ...decided, image: undefined })).toThrow(
      "patches must come with images",
    );
    // Before data are read there is nothing to check.
    expect(checkRecipe(of({ size: 5 }), undecided("classification")).model.patches).toBeUndefined();
  });

  it.each([
    [{ data: "a.txt", fasta: "a.fasta" }, /^--data and --fasta must not come together/],
    [
      { task: "masked", set: ["architecture=decoder"] },
      /architecture must be 'encoder' for task 'masked', got "decoder"/,
    ],
    [{ set: ["head=regression"] }, /head must be 'language-modeling' for task .*or use data\.task 'regression'/],
    [{ set: ["source=protein"] }, /^--set: data: source must be one of .*did you mean 'proteins'\?/],
  ] as const)("refuses %j", async (options, message) => {
    const refusal = requested(undefined, options);
    await expect(refusal).rejects.toThrow(UsageError);
    await expect(refusal).rejects.toThrow(message);
  });
});
