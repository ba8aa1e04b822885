import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openPartialOutput, type PartialOutputOptions } from "./partial-output.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "performer-partial-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (name: string) => readFile(join(folder, name), "utf8");

function open(options: Partial<PartialOutputOptions> = {}) {
  return openPartialOutput({
    path: join(folder, "out"),
    suffixes: ["", ".ids"],
    request: { model: "abc", input: { size: 7 } },
    begin: [bytes("HEAD"), bytes("")],
    resume: false,
    overwrite: false,
    ...options,
  });
}

/** Two parts, and then the process ends. */
async function beginTwoParts(): Promise<void> {
  await using output = await open();
  await output.append({ parts: [bytes("one,"), bytes("1")], mark: { rows: 1 } }, { records: 2, residues: 10 });
  await output.append({ parts: [bytes("two,"), bytes("2")], mark: { rows: 2 } }, { records: 3, residues: 20 });
}

describe("a file written in parts", () => {
  it("appears with all that belongs to it when it is finished, and leaves nothing else", async () => {
    await beginTwoParts();
    expect((await readdir(folder)).toSorted()).toEqual(["out.ids.partial", "out.partial", "out.partial.journal"]);
    {
      await using output = await open({ resume: true });
      expect(output.written).toMatchObject({ records: 5, residues: 30, bytes: [12, 2] });
      expect(output.marks).toEqual([{ rows: 1 }, { rows: 2 }]);
      await output.append({ parts: [bytes("three"), bytes("3")] }, { records: 1, residues: 5 });
      await output.finish({ tail: bytes(";"), head: bytes("head") });
    }
    expect((await readdir(folder)).toSorted()).toEqual(["out", "out.ids"]);
    expect([await textOf("out"), await textOf("out.ids")]).toEqual(["headone,two,three;", "123"]);
  });

  it("drops what belongs to a part that was cut off", async () => {
    await beginTwoParts();
    await appendFile(join(folder, "out.partial"), "thr");
    await appendFile(join(folder, "out.partial.journal"), '{"records":6,"resi');
    await using output = await open({ resume: true });
    expect(output.written.records).toBe(5);
    await output.append({ parts: [bytes("3"), bytes("")] }, { records: 1, residues: 5 });
    await output.finish({ tail: bytes("") });
    expect(await textOf("out")).toBe("HEADone,two,3");
  });

  it("begins anew with --overwrite, and with --resume where there is nothing to go on with", async () => {
    await beginTwoParts();
    {
      await using output = await open({ overwrite: true });
      expect(output.written).toMatchObject({ records: 0, residues: 0, bytes: [4, 0] });
      await output.finish({ tail: bytes("") });
    }
    expect(await textOf("out")).toBe("HEAD");
    await using other = await open({ path: join(folder, "new"), resume: true });
    expect(other.written.records).toBe(0);
  });
});

describe("a file written in parts refuses", () => {
  it("to take the place of a finished one, of either name", async () => {
    await writeFile(join(folder, "out.ids"), "mine");
    await expect(open()).rejects.toThrow(
      /out\.ids must not be there yet, got one; choose another --out, or add --overwrite$/,
    );
    await expect(open({ resume: true })).rejects.toThrow(/must not be there yet/);
    expect(await textOf("out.ids")).toBe("mine");
  });

  it("to begin where an unfinished one lies, with both ways out", async () => {
    await beginTwoParts();
    await expect(open()).rejects.toThrow(/got one with 5 sequences .*; add --resume to go on with it, or --overwrite/);
    await expect(open({ resume: true, overwrite: true })).rejects.toThrow(/must not come together/);
  });

  it("to go on with another request, naming what differs", async () => {
    await beginTwoParts();
    await expect(open({ resume: true, request: { model: "def", input: { size: 7 }, dtype: "int8" } })).rejects.toThrow(
      /something else: model was "abc" and is "def"; dtype was nothing and is "int8"; give the same, or .*--overwrite$/,
    );
  });

  it("to go on with damaged files", async () => {
    await beginTwoParts();
    await writeFile(join(folder, "out.partial"), "HEADone");
    await expect(open({ resume: true })).rejects.toThrow(/out\.partial must hold the 12 bytes .*, got 7; begin anew/);
    await rm(join(folder, "out.partial"));
    await expect(open({ resume: true })).rejects.toThrow(/out\.partial must hold the 12 bytes .*, got none/);
    await writeFile(join(folder, "out.partial.journal"), "[1]\n[2]\n");
    await expect(open({ resume: true })).rejects.toThrow(
      /journal must be the journal of an unfinished file, got another/,
    );
  });

  it("a folder that is not there", async () => {
    await expect(open({ path: join(folder, "none", "out") })).rejects.toThrow(/the folder .*none is not there/);
  });
});
