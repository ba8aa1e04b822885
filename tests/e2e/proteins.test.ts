/**
 * Proteins by the command line as databases hold them: compressed, joined into long rows, sampled, filtered, parted by
 * relatives.
 */

import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createWorkplace, digestOfFile, oneThread, parseOnly, tinyFasta, tinyModel, type Finished } from "./cli.ts";

const place = createWorkplace();
const common = [...oneThread, ...tinyModel, "--set", "schedule=constant"];
const joined = ["--set", "data.concatenate=true"];

/** Headers as UniProt writes them, with a duplicate accession and one protein that is too short. */
const uniprot = tinyFasta()
  .replaceAll(
    /^>P(\d+) .*$/gm,
    (_, number: string) => `>sp|P${10_000 + Number(number)}|N${number}_HUMAN Protein ${number} OS=Homo sapiens OX=9606`,
  )
  .concat(">sp|P10003|N3_HUMAN again\nMKVLLAACDEFGHIKL\n>tr|Q00001|Q_HUMAN peptide\nMK\n");

async function succeed(...args: string[]): Promise<Finished> {
  const finished = await place.run(...args);
  expect(finished.code, finished.stderr).toBe(0);
  return finished;
}

/** Residues of the records that the headers put into a split. */
function countResidues(split: string): number {
  const records = [...tinyFasta().matchAll(/^>\S+ (\S+) -\n(.*)$/gm)];
  return records.reduce((sum, [, own, residues = ""]) => sum + (own === split ? residues.length : 0), 0);
}

beforeAll(() => {
  place.write("tiny.fasta.gz", gzipSync(tinyFasta()));
  place.write("uniprot.fasta.gz", gzipSync(uniprot));
});
afterAll(() => place[Symbol.dispose]());

describe("rows of many proteins", () => {
  it("are trained, resumed to the bit, and evaluated with every residue once", async () => {
    const data = ["--fasta", "tiny.fasta.gz", ...joined, ...common];
    await succeed("train", ...data, "--set", "steps=5", "--out", "whole");
    await succeed("train", ...data, "--set", "steps=3", "--out", "halves");
    await succeed("train", "--resume", "halves", "--set", "training.steps=5");
    const [whole, halves] = ["whole", "halves"].map((run) => digestOfFile(place.path(run, "model.safetensors")));
    expect(halves).toBe(whole);
    for (const split of ["test", "ood"]) {
      const { stdout } = await succeed("eval", "whole", "--split", split, "--json");
      expect(parseOnly(stdout)).toMatchObject({ split, tokens: countResidues(split), task: "language-modeling" });
    }
  });

  it("are hidden in spans at a rate of one's own, and evaluated at the usual one beside the unigram", async () => {
    const masking = ["--task", "masked", "--set", "maskRate=0.4", "--set", "masking=spans"];
    await succeed(
      "train",
      "--fasta",
      "tiny.fasta.gz",
      ...joined,
      ...masking,
      ...common,
      "--set",
      "steps=2",
      "--out",
      "masked",
    );
    const { stdout } = await succeed("eval", "masked", "--json");
    const figures = parseOnly(stdout) as { tokens: number; unigram: { perplexity: number } };
    // Rounded once a row of at most 62 residues.
    expect(Math.abs(figures.tokens - 0.15 * countResidues("test"))).toBeLessThan(3);
    expect(figures.unigram.perplexity).toBeGreaterThan(1);
  });
});

it("a database's file is parted by similarity and filtered, and told what was left out and what comes twice", async () => {
  const data = [
    "--fasta",
    "uniprot.fasta.gz",
    "--split-by",
    "similarity",
    "--set",
    "minLength=5",
    "--set",
    "sampling=sequences",
  ];
  const { stderr } = await succeed("train", ...data, ...common, "--set", "steps=2", "--out", "database");
  expect(stderr).toContain("left out: 1 sequence shorter than data.minLength = 5\n");
  expect(stderr).toContain(
    "duplicates: 1 record has the accession of an earlier one, the first of them P10003; all are kept\n",
  );
});

it("a rate of hiding is wrong usage where nothing is hidden", async () => {
  const { code, stderr } = await place.run(
    "train",
    "--fasta",
    "tiny.fasta.gz",
    ...common,
    "--set",
    "maskRate=0.3",
    "--out",
    "none",
  );
  expect(stderr).toContain(
    "data.maskRate must come with the task masked, got the task language-modeling; leave it out",
  );
  expect(code).toBe(2);
});

it("bench data measures three ways to the same residues", async () => {
  const { stdout } = await succeed("bench", "data", "--fasta", "tiny.fasta.gz", "--json");
  const result = parseOnly(stdout) as { records: number; residues: number; rows: { from: string; readMs: number }[] };
  expect(result).toMatchObject({ records: 40, residues: tinyFasta().replaceAll(/^>.*$|\n/gm, "").length });
  expect(result.rows.map(({ from }) => from)).toEqual(["memory", "packed", "cache"]);
  expect(result.rows.every(({ readMs }) => readMs > 0)).toBe(true);
});
