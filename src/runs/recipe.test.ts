/** Recipes: those of the package are complete and valid, and a path in one starts where the recipe lies. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { dataSource } from "./data/source.ts";
import { describeRecipes, readRecipe, recipeNames } from "./recipe.ts";
import { checkRecipe, undecided } from "./run-config.ts";

const folder = mkdtempSync(join(tmpdir(), "performer-recipe-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function writeRecipe(text: string): string {
  const path = join(folder, "own.jsonc");
  writeFileSync(path, text);
  return path;
}

describe("the recipes of the package", () => {
  it.each([
    ["demo", {}, "proteins", "language-modeling"],
    ["text", { source: "pride-and-prejudice" }, "text", "language-modeling"],
    ["fashion", { source: "fashion-mini", imageSize: 14 }, "images", "language-modeling"],
    ["labelled", {}, "proteins", "classification"],
  ] as const)("%s is complete and valid", async (name, data, kind, task) => {
    const recipe = await readRecipe(name);
    expect(recipe).toMatchObject({ name, data, origin: `recipe ${name}.jsonc` });
    expect(await dataSource(recipe.data, recipe.origin)).toEqual({ ...data, kind });
    const { model, training } = checkRecipe(recipe, undecided(task));
    expect(model).toMatchObject({ ...recipe.model, vocabSize: 29 });
    expect(training).toMatchObject(recipe.training);
  });

  it("are all listed for help, in alphabetical order, each in a sentence of its own", async () => {
    const [, title, ...lines] = describeRecipes().split("\n");
    expect(title).toBe("Recipes:");
    expect(lines.map((line) => line.trim().split(" ")[0])).toEqual(recipeNames());
    expect(recipeNames()).toEqual(expect.arrayContaining(["demo", "families", "labelled", "trembl"]));
    for (const line of lines) expect(line).toMatch(/^ {2}\w+ {2,}\S.{20,}\.$/);
    for (const name of recipeNames()) expect((await readRecipe(name)).name).toBe(name);
  });

  it("are found with their extension too", async () => {
    expect(await readRecipe("demo.jsonc")).toEqual(await readRecipe("demo"));
  });
});

describe("a recipe of one's own", () => {
  it("may have comments and trailing commas, and leave sections out", async () => {
    const path = writeRecipe('// Mine.\n{ "name": "own", /* short */ "training": { "steps": 7, }, }');
    expect(await readRecipe(path)).toEqual({ name: "own", model: {}, training: { steps: 7 }, data: {}, origin: path });
  });

  it("names its data relative to itself", async () => {
    const path = writeRecipe('{ "name": "own", "data": { "path": "sequences/a.fasta", "splitBy": "hash" } }');
    expect((await readRecipe(path)).data).toEqual({ path: join(folder, "sequences", "a.fasta"), splitBy: "hash" });
  });

  it("names its tokenizer relative to itself, where it is a file", async () => {
    const path = writeRecipe('{ "name": "own", "data": { "path": "a.txt", "tokenizer": "tokenizer.json" } }');
    expect((await readRecipe(path)).data.tokenizer).toBe(join(folder, "tokenizer.json"));
    writeRecipe('{ "name": "own", "data": { "path": "a.txt", "tokenizer": "characters" } }');
    expect((await readRecipe(path)).data.tokenizer).toBe("characters");
  });

  it("cannot name two data at once", async () => {
    const path = writeRecipe('{ "name": "own", "data": { "path": "a.txt", "source": "proteins" } }');
    await expect(readRecipe(path)).rejects.toThrow(/there must be a source or a path, got the source 'proteins' and/);
  });

  it("is refused with the line when it is no JSON", async () => {
    const path = writeRecipe('{\n  "name": "own"\n  "model": {}\n}');
    await expect(readRecipe(path)).rejects.toThrow(
      `${path}, line 3, column 3: the file must be JSON, comments allowed, got "comma expected"; correct it there`,
    );
  });
});
