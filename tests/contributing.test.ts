/** What CONTRIBUTING.md promises is so. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { pretrainedModelTypes } from "../src/convert/architectures/index.ts";

const root = new URL("../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const text = read("CONTRIBUTING.md");

it("names files and folders that there are", () => {
  const named = text.match(/`[\w.-]+\/[\w./-]+`/g)?.map((path) => path.slice(1, -1)) ?? [];
  expect(named.length).toBeGreaterThan(30);
  // The site is there once it is built.
  const kept = named.filter((path) => !path.startsWith(".docs/"));
  expect(kept.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
});

it("draws the path from the command line to the first step in ten lines that call each other", () => {
  const [, drawn = ""] = /## From `performer train`[\s\S]+?```\n([\s\S]+?)```/.exec(text) ?? [];
  const calls = [...drawn.matchAll(/^(\S+) +(\S+) /gm)].map(([, file = "", called = ""]) => ({ file, called }));
  expect(calls).toHaveLength(10);
  expect(calls.filter(({ file, called }) => !read(file).includes(`${called}(`))).toEqual([]);
});

it("holds every architecture that can be read to the numbers of its reference", () => {
  const golden = new URL("tests/convert/golden/", root);
  const kinds = readdirSync(golden)
    .filter((name) => existsSync(new URL(`${name}/config.json`, golden)))
    .map((name): unknown => JSON.parse(read(`tests/convert/golden/${name}/config.json`)).model_type);
  expect(pretrainedModelTypes.filter((type) => !kinds.includes(type))).toEqual([]);
});
