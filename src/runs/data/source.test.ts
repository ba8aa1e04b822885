/** Where data come from: what a name, an ending, a folder says, and what is refused for which kind. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { checkDataSettings, dataSource, readSourceOption, type DataSettings } from "./source.ts";
import { loadTextSource } from "./text.ts";

const folder = mkdtempSync(join(tmpdir(), "performer-source-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function folderOf(name: string, ...files: readonly string[]): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const file of files) writeFileSync(join(path, file), "");
  return path;
}

const texts = folderOf("texts", "a.txt", "notes.md");
const images = folderOf("images", "a.PNG");
const idx = folderOf("idx", "train-images-idx3-ubyte.gz");
const both = folderOf("both", "a.txt", "a.jpg");
const hollow = folderOf("hollow", "a.md");

describe("--data", () => {
  it.each([
    ["proteins", { source: "proteins" }],
    ["fashion-mnist", { source: "fashion-mnist" }],
    ["book.txt", { path: resolve("book.txt") }],
    ["./proteins", { path: resolve("proteins") }],
  ])("reads %s", async (text, settings) => {
    expect(await readSourceOption(text)).toEqual(settings);
  });

  it.each([
    ["pride-and-prejudise", /got 'pride-and-prejudise'; did you mean 'pride-and-prejudice'\?/],
    ["qqq", /must be a file, a folder or one of proteins, .*, got 'qqq'; check the path/],
  ])("refuses %s", async (text, message) => {
    await expect(readSourceOption(text)).rejects.toThrow(message);
  });
});

describe("the kind of data", () => {
  it.each([
    [{}, "proteins"],
    [{ source: "pride-and-prejudice" }, "text"],
    [{ path: "a.fasta" }, "proteins"],
    [{ path: "a.fa.gz" }, "proteins"],
    [{ path: "uniprot.gz" }, "proteins"],
    [{ path: "a.txt.gz" }, "text"],
    [{ path: "a.CSV" }, "table"],
    [{ path: "a.jsonl.gz" }, "table"],
    [{ path: "a.parquet" }, "table"],
    [{ path: "t10k-images-idx3-ubyte.gz" }, "images"],
    [{ path: "proteins.txt", kind: "proteins" }, "proteins"],
    [{ path: texts }, "text"],
    [{ path: images }, "images"],
    [{ path: idx }, "images"],
  ] as const satisfies readonly (readonly [DataSettings, string])[])("of %j is %s", async (data, kind) => {
    expect((await dataSource(data, "here")).kind).toBe(kind);
  });

  it.each([
    [{ path: "a.docx" }, /^here: data: the ending of a file must tell .*, got 'a\.docx'; rename it.*data\.kind=/],
    [{ path: both }, /which holds both; say which with --set data\.kind=/],
    [{ path: "a.PNG" }, /images must come as a folder of PNG or JPEG files, got the file 'a\.PNG'; name its folder/],
    [{ path: hollow }, /which holds neither; name the folder that holds the files themselves/],
    [{ source: "proteins", kind: "text" }, /the kind of proteins must be proteins, got text/],
    [{ kind: "table" }, /a table must have a path, got none/],
    [{ path: "a.txt", minLength: 3 }, /minLength \(--set data\.minLength\) must come with proteins, got it with text/],
    [{ path: "a.fasta", minLength: 9, maxLength: 8 }, /minLength must be at most maxLength, got 9 and 8; exchange/],
    [
      { path: "a.fasta", families: "a.tsv" },
      /families must come with splitBy 'family' or tags 'family', got none; write --split-by family/,
    ],
    [{ path: "a.fasta", concatenate: true, sampling: "sequences" }, /sampling must be 'tokens' with concatenate/],
  ] as const satisfies readonly (readonly [DataSettings, RegExp])[])("of %j is refused", async (data, message) => {
    await expect(dataSource(data, "here")).rejects.toThrow(message);
  });
});

it("a table of families comes with tags of it, whatever parts the data", async () => {
  const source = await dataSource({ path: "a.fasta", families: "a.tsv", splitBy: "hash", tags: "family" }, "here");
  expect(source).toMatchObject({ tags: "family", families: resolve("a.tsv") });
});

it("a path in the place of a source is told where it belongs", () => {
  expect(() => checkDataSettings({ source: "d/my.txt" }, "own.jsonc")).toThrow(
    /^own\.jsonc: data: source must be one of proteins, .*, got 'd\/my\.txt'; .* write "path": "d\/my\.txt"$/,
  );
});

it("the alphabet of proteins is refused for text, with the kinds that have it", async () => {
  await expect(loadTextSource({ kind: "text", path: "a.txt", tokenizer: "protein" })).rejects.toThrow(
    /the tokenizer \(--tokenizer\) protein must come with a table .*, got text; /,
  );
});

describe("settings of another kind are refused with the kinds that have them", () => {
  it.each([
    [
      { source: "fashion-mini", tokenizer: "bytes" },
      /tokenizer \(--tokenizer\) must come with text or table, got it with images/,
    ],
    [{ path: "a.txt", imageSize: 7 }, /imageSize \(--image-size\) must come with images, got it with text/],
    [
      { path: "a.fasta", labelColumn: "x" },
      /labelColumn \(--label-column\) must come with table, got it with proteins/,
    ],
    [
      { path: "a.fasta", splitBy: "contiguous" },
      /splitBy \(--split-by\) of proteins must be one of header, hash, family, similarity, got 'contiguous'/,
    ],
    [
      { path: "a.csv", splitBy: "hash" },
      /splitBy \(--split-by\) of table must be left out, got 'hash'; name the splits in a column/,
    ],
    [
      { path: "a.txt", task: "regression" },
      /task \(--task\) of text must be one of language-modeling, masked, got 'regression'/,
    ],
    [{ path: "a.fasta", channels: 1 }, /channels \(--grey or --colour\) must come with images, got it with proteins/],
    [
      { path: "a.csv", labelColumn: "x", task: "masked" },
      /labelColumn \(--label-column\) must come with task classification or regression, got 'masked'/,
    ],
    [{ path: "a.txt", tags: "family" }, /tags \(--set data\.tags\) must come with proteins, got it with text/],
    [{ path: "a.fasta", minTagged: 3 }, /minTagged must come with tags, got none; write --set data\.tags=family/],
    [{ path: "a.fasta", tagDropout: 0 }, /tagDropout must come with tags, got none/],
    [{ path: "a.fasta", tags: "organism", families: "a.tsv" }, /families must come with .* or tags 'family', got none/],
    [
      { path: "a.fasta", tags: "family", concatenate: true },
      /tags must stand in front of rows of one sequence, got 'family' with concatenate, .*; leave one of them out/,
    ],
  ] as const satisfies readonly (readonly [DataSettings, RegExp])[])("%j", async (data, message) => {
    await expect(dataSource(data, "here")).rejects.toThrow(message);
  });
});
