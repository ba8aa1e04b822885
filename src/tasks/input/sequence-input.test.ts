/** Proteins by --sequence and --fasta: what is read, and what is refused. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";

import { all } from "../../../tests/inference/tiny-proteins.ts";
import { byteVocabulary, DataError, proteinVocabulary } from "../../data/index.ts";
import { UsageError } from "../../runs/usage.ts";
import { readSequences, surveySequences, type SequenceOptions } from "./sequence-input.ts";

const folder = mkdtempSync(join(tmpdir(), "performer-input-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const told: string[] = [];
const read = (options: SequenceOptions) =>
  all(readSequences(options, proteinVocabulary, (line) => void told.push(line)));

describe("readSequences", () => {
  it("gives --sequence first and then the file, in upper case, without blanks and without the final stop", async () => {
    const fasta = file("two.fasta.gz", gzipSync(">A first\nmkv\nLA*\n>B\nW W\n"));
    const found = await read({ sequence: ["mk v", "ACD*"], fasta });
    expect(found.map(({ id, residues }) => [id, residues])).toEqual([
      ["sequence 1", "MKV"],
      ["sequence 2", "ACD"],
      ["A", "MKVLA"],
      ["B", "WW"],
    ]);
    expect(found[2]?.tokenIds).toEqual(proteinVocabulary.encode("MKVLA"));
  });

  it("tells once of an identifier that comes twice, and keeps all records", async () => {
    told.length = 0;
    const found = await read({ fasta: file("twice.fasta", ">A\nM\n>B\nK\n>A\nV\n>B\nL\n") });
    expect(found.map(({ residues }) => residues)).toEqual(["M", "K", "V", "L"]);
    expect(told).toEqual([expect.stringMatching(/^twice\.fasta, line 5: A comes a second time; all records are kept/)]);
  });

  it.each([
    ["no residue", [" *"], /sequence 1: --sequence must name at least one residue/],
    ["a gap", ["MK-V"], /sequence 1: .*got "-" at position 3; .*gap, as in an alignment/],
    ["a dot", ["M.V"], /got "\." at position 2; .*gap/],
    ["a stop inside", ["MKV", "MK*V"], /sequence 2: .*got "\*" at position 3; .*stop/],
    ["J", ["MJ"], /got "J" at position 2; .*X/],
    ["another letter", ["MKÄ"], /got "Ä" at position 3; replace or remove it/],
  ])("refuses %s with --sequence", async (_, sequence, message) => {
    const error = await read({ sequence }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DataError);
    expect(String(error)).toMatch(message);
  });

  it.each([
    ["a gap", ">A\nMKV\n>B x\nM-V\n", /bad\.fasta, line 3, record B: .*got "-" at position 2; .*gap/],
    ["a stop inside", ">A\nMK*V\n", /bad\.fasta, line 1, record A: .*got "\*" at position 3; .*stop/],
    ["another letter", ">A\nMK1V\n", /bad\.fasta, line 1, record A: .*got "1" at position 3/],
    ["a record without residues", ">A\nMKV\n>B\n", /bad\.fasta, line 3: a record must carry at least one residue/],
    ["an empty file", "", /bad\.fasta: a FASTA file must hold at least one record/],
    ["no FASTA", "MKV\n", /bad\.fasta, line 1: .*header/],
    [
      "gzip data that end early",
      gzipSync(`>A\n${"MKVLAT".repeat(999)}\n`).subarray(0, 40),
      /bad\.fasta, line \d: gzip data must be complete/,
    ],
  ])("refuses %s in a file", async (_, content, message) => {
    await expect(read({ fasta: file("bad.fasta", content) })).rejects.toThrow(message);
  });

  it("refuses nothing to read, files that are not there, and models of something else", async () => {
    await expect(read({})).rejects.toThrow(UsageError);
    await expect(read({})).rejects.toThrow(/must be given with --sequence or --fasta, got neither/);
    await expect(read({ fasta: join(folder, "none.fasta") })).rejects.toThrow(/none\.fasta", which does not exist/);
    await expect(read({ fasta: folder })).rejects.toThrow(/must lead to a file, got the folder/);
    const text = all(readSequences({ sequence: ["MKV"] }, byteVocabulary));
    await expect(text).rejects.toThrow(/must read proteins by their letters, got one with a vocabulary of bytes/);
  });
});

describe("surveySequences", () => {
  it("counts what there is to do", async () => {
    const fasta = file("count.fasta", ">A\nMKV\n>LONGER\nMK\n");
    expect(await surveySequences({ fasta }, proteinVocabulary)).toEqual({ residues: 5, longestId: 6 });
  });

  it("leaves pipes alone, which can be read only once", async () => {
    expect(await surveySequences({ fasta: "-" }, proteinVocabulary)).toBeUndefined();
  });

  it("ends with the signal's reason, however long the file", async () => {
    const signal = AbortSignal.abort();
    const survey = surveySequences({ fasta: file("long.fasta", ">A\nMKV\n") }, proteinVocabulary, undefined, signal);
    await expect(survey).rejects.toBe(signal.reason);
  });
});
