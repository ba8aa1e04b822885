import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { StorageError } from "./errors.ts";
import {
  appendToFile,
  linkOrCopyAtomically,
  readFileOrExplain,
  writeFileAtomically,
  writeFolderAtomically,
} from "./files.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "performer-files-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("writeFileAtomically", () => {
  test("replaces a file and leaves nothing beside it", async () => {
    const path = join(folder, "a.txt");
    await writeFileAtomically(path, "one");
    await writeFileAtomically(path, new Uint8Array([50, 51]));
    expect(await readFile(path, "utf8")).toBe("23");
    expect(await readdir(folder)).toEqual(["a.txt"]);
  });

  test("says which folder is missing", async () => {
    const path = join(folder, "missing", "a.txt");
    await expect(writeFileAtomically(path, "one")).rejects.toThrow(/the folder .*missing is not there; create it/);
  });

  test("leaves a folder of that name as it is and removes its temporary file", async () => {
    const path = join(folder, "taken");
    await writeFolderAtomically(path, { inside: "kept" });
    await expect(writeFileAtomically(path, "one")).rejects.toThrow(StorageError);
    expect(await readdir(folder)).toEqual(["taken"]);
    expect(await readFile(join(path, "inside"), "utf8")).toBe("kept");
  });
});

describe("writeFolderAtomically", () => {
  test("shows all files at once under the name", async () => {
    await writeFolderAtomically(join(folder, "new"), { "a.txt": "one", "b.bin": new Uint8Array([7]) });
    expect(await readdir(folder)).toEqual(["new"]);
    expect((await readdir(join(folder, "new"))).toSorted()).toEqual(["a.txt", "b.bin"]);
  });

  test("refuses an existing folder, and replaces it when told to", async () => {
    const path = join(folder, "same");
    await writeFolderAtomically(path, { a: "old", b: "old" });
    await expect(writeFolderAtomically(path, { a: "new" })).rejects.toThrow(/same exists/);
    expect((await readdir(path)).toSorted()).toEqual(["a", "b"]);
    await writeFolderAtomically(path, { a: "new" }, { replace: true });
    expect(await readdir(path)).toEqual(["a"]);
    expect(await readdir(folder)).toEqual(["same"]);
  });

  test("makes the folders inside that paths name", async () => {
    await writeFolderAtomically(join(folder, "deep"), { "b/c/d": "two", a: "one" });
    expect(await readFile(join(folder, "deep", "b", "c", "d"), "utf8")).toBe("two");
    expect(await readdir(join(folder, "deep"))).toEqual(["a", "b"]);
  });

  test("leaves no part behind when a file cannot be written", async () => {
    await expect(writeFolderAtomically(join(folder, "new"), { a: "one", "a/b": "two" })).rejects.toThrow(StorageError);
    expect(await readdir(folder)).toEqual([]);
  });
});

test("readFileOrExplain says what is missing, and that a folder is no file", async () => {
  await expect(readFileOrExplain(join(folder, "w"), "the weights")).rejects.toThrow(
    /w: not found \(the weights\); check the path/,
  );
  await expect(readFileOrExplain(folder)).rejects.toThrow(/it is a folder, not a file/);
});

test("appendToFile creates a file and adds to it", async () => {
  const path = join(folder, "log");
  await appendToFile(path, "one\n");
  await appendToFile(path, "two\n");
  expect(await readFile(path, "utf8")).toBe("one\ntwo\n");
});

test("linkOrCopyAtomically points a name at another file, again and again", async () => {
  const to = join(folder, "model");
  await writeFile(join(folder, "one"), "1");
  await writeFile(join(folder, "two"), "2");
  await linkOrCopyAtomically(join(folder, "one"), to);
  await linkOrCopyAtomically(join(folder, "one"), to);
  expect((await stat(to)).nlink).toBe(2);
  await linkOrCopyAtomically(join(folder, "two"), to);
  expect(await readFile(to, "utf8")).toBe("2");
  expect(await readFile(join(folder, "one"), "utf8")).toBe("1");
  expect((await readdir(folder)).toSorted()).toEqual(["model", "one", "two"]);
});
