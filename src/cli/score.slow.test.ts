/** `performer score` on runs that a test can train: its table, its JSON, its pictures, and what it refuses. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import { captureOutput, type Captured } from "../../tests/cli/capture.ts";
import { oneThread, tinyFasta, tinyModel } from "../../tests/e2e/cli.ts";
import { relativeError } from "../../tests/model/harness.ts";
import { decodeImage } from "../data/index.ts";
import { PerformerForCausalLM } from "../models/performer-for-causal-lm.ts";
import { PerformerForMaskedLM } from "../models/performer-for-masked-lm.ts";
import { evalCommand } from "./eval.ts";
import { scoreCommand } from "./score.ts";
import { trainCommand } from "./train.ts";

const folder = mkdtempSync(join(tmpdir(), "performer-score-"));
const at = (name: string) => join(folder, name);
const fasta = at("tiny.fasta");
let output: Captured = { stdout: "", stderr: "" };

interface Document {
  readonly sequences: readonly {
    readonly id: string;
    readonly tokens: number;
    readonly logLikelihoodNats: number;
    readonly perplexity: number;
    readonly perResidueNats: readonly number[];
  }[];
}

async function score(run: string, ...args: string[]): Promise<void> {
  await scoreCommand().parseAsync([at(run), ...oneThread, ...args], { from: "user" });
}

async function scored(run: string, ...args: string[]): Promise<Document["sequences"]> {
  await score(run, ...args, "--json");
  return (JSON.parse(output.stdout) as Document).sequences;
}

beforeAll(async () => {
  writeFileSync(fasta, tinyFasta());
  writeFileSync(at("book.txt"), "It is a truth universally acknowledged. ".repeat(60));
  const rows = Array.from({ length: 60 }, (_, row) => `${"ACDEF".repeat(1 + (row % 3))},${row % 2}`);
  writeFileSync(at("labels.csv"), `sequence,label\n${rows.join("\n")}\n`);
  captureOutput();
  for (const [run, ...settings] of [
    ["causal", "--fasta", fasta],
    ["masked", "--fasta", fasta, "--task", "masked"],
    ["text", "--data", at("book.txt")],
    ["labels", "--data", at("labels.csv"), "--tokenizer", "protein", "--task", "classification"],
  ] as const) {
    const common = [...oneThread, ...tinyModel, "--set", "steps=3", "--out", at(run), "--json"];
    await trainCommand().parseAsync([...settings, ...common], { from: "user" });
  }
  vi.restoreAllMocks();
});

beforeEach(() => {
  output = captureOutput();
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("performer score", () => {
  it("of a split gives the loss of eval", async () => {
    const records = tinyFasta().split(/(?=>)/);
    writeFileSync(at("test.fasta"), records.filter((record) => / test /.test(record)).join(""));
    const sequences = await scored("causal", "--fasta", at("test.fasta"));
    output.stdout = "";
    await evalCommand().parseAsync([at("causal"), ...oneThread, "--json"], { from: "user" });
    const { tokens, lossNats } = JSON.parse(output.stdout) as { tokens: number; lossNats: number };
    const total = (of: (each: Document["sequences"][number]) => number) =>
      sequences.reduce((sum, each) => sum + of(each), 0);
    expect(total((each) => each.tokens)).toBe(tokens);
    expect(relativeError([total((each) => each.logLikelihoodNats)], [-lossNats * tokens])).toBeLessThan(1e-5);
    for (const { perResidueNats, logLikelihoodNats, perplexity } of sequences) {
      const sum = perResidueNats.reduce((a, b) => a + b, 0);
      expect(relativeError([sum], [logLikelihoodNats])).toBeLessThan(1e-5);
      expect(relativeError([Math.exp(-sum / perResidueNats.length)], [perplexity])).toBeLessThan(1e-5);
    }
  });

  it("prints a line a protein in the order of the input", async () => {
    await score("causal", "--sequence", "MKV", "--sequence", "P00974", "--fasta", fasta);
    const lines = output.stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^sequence +length +log-likelihood +nats\/residue +perplexity$/);
    expect(lines.slice(2, 5).map((line) => line.split(/ {2,}/)[0])).toEqual(["sequence 1", "P00974|BPT1_BOVIN", "P0"]);
    expect(lines).toHaveLength(2 + 2 + 40);
    expect(output.stderr).toMatch(/score .*residues \(100 %\).*residues\/s/);
  });

  it("of the command line and of the ready models is the same", async () => {
    const sequences = ["MKVLAT", "ACD"];
    const args = sequences.flatMap((each) => ["--sequence", each]);
    const close = (found: Document["sequences"], expected: readonly { readonly perTokenNats: Float32Array }[]) => {
      expect(found).toHaveLength(expected.length);
      for (const [index, { perTokenNats }] of expected.entries()) {
        expect(relativeError(found[index]?.perResidueNats, perTokenNats)).toBeLessThan(1e-5);
      }
    };
    const causal = await PerformerForCausalLM.from_pretrained(at("causal"));
    close(await scored("causal", ...args), await causal.score(sequences));
    const masked = await PerformerForMaskedLM.from_pretrained(at("masked"));
    for (const method of ["masked", "one-pass"] as const) {
      output.stdout = "";
      close(await scored("masked", ...args, "--method", method), await masked.score(sequences, { method }));
    }
  });

  it("of a masked model agrees with what fill_mask says of each hidden residue", async () => {
    const model = await PerformerForMaskedLM.from_pretrained(at("masked"));
    const [first] = await model.score(["MKVLAT"]);
    for (const [position, letter] of Array.from("MKVLAT").entries()) {
      const [filled] = await model.fill_mask("MKVLAT", { positions: [position], top_k: 25 });
      const [other] = await model.score([`${"MKVLAT".slice(0, position)}W${"MKVLAT".slice(position + 1)}`]);
      const scoreOf = (token: string) => filled?.tokens.find(({ token_str }) => token_str === token)?.score ?? 0;
      // fill_mask shares probability among residues alone, so ratios are what agrees.
      const expected = Math.log(scoreOf(letter) / scoreOf("W"));
      const found = (first?.perTokenNats[position] ?? 0) - (other?.perTokenNats[position] ?? 0);
      expect(found).toBeCloseTo(expected, 4);
    }
  });
});

describe("performer score --mutants", () => {
  it.each(["causal", "masked"])("of a %s model ranks mutations, and writes pictures and a table", async (run) => {
    const files = ["map.svg", "map.png", "map.csv"].map((name) => at(join(run, name)));
    await score(run, "--sequence", "MKVLAT", "--mutants", ...files.flatMap((file) => ["--out", file]));
    expect(output.stdout).toMatch(/^sequence 1: 114 mutants of 6 residues/);
    expect(output.stdout).toMatch(/most harmful +Δ nats +most favourable +Δ nats/);
    expect(output.stdout.match(/^[MKVLAT]\d[A-Z] +[−+]\d/gm)).toHaveLength(10);
    const [svg = "", png = "", csv = ""] = files;
    expect(readFileSync(svg, "utf8")).toMatch(/^<svg[\s\S]*data:image\/png;base64,[\s\S]*<\/svg>\n$/);
    expect((await decodeImage(readFileSync(png), "map.png")).width).toBeGreaterThan(700);
    const [heading, ...lines] = readFileSync(csv, "utf8").trimEnd().split("\n");
    expect(heading).toBe("position,wild_type,A,C,D,E,F,G,H,I,K,L,M,N,P,Q,R,S,T,V,W,Y");
    expect(lines.map((line) => line.split(",").slice(0, 2).join(""))).toEqual(["1M", "2K", "3V", "4L", "5A", "6T"]);
    output.stdout = "";
    await score(run, "--sequence", "MKVLAT", "--mutants", "--json");
    const { deltaNats, wildType, residues } = JSON.parse(output.stdout) as Record<string, string> & {
      readonly deltaNats: readonly (readonly number[])[];
    };
    expect([wildType, residues]).toEqual(["MKVLAT", "ACDEFGHIKLMNPQRSTVWY"]);
    expect(lines.map((line) => line.split(",").slice(2).map(Number))).toEqual(
      lines.map((_, position) => deltaNats.map((row) => row[position])),
    );
  });
});

describe("performer score refuses", () => {
  it.each([
    [
      "a model of text",
      "text",
      ["--sequence", "MKV"],
      /must read proteins by their letters, got one with a vocabulary of/,
    ],
    ["a model of labels", "labels", ["--sequence", "MKV"], /must tell residues .*got one of task classification/],
    ["a method with a decoder", "causal", ["--sequence", "MKV", "--method", "masked"], /method must be left out/],
    ["nothing to score", "causal", [], /must be given with --sequence or --fasta/],
    ["several proteins with --mutants", "causal", ["--fasta", "FASTA", "--mutants"], /one protein, got P0 and P1/],
    ["--out without --mutants", "causal", ["--sequence", "MKV", "--out", "a.svg"], /--out must come with --mutants/],
    ["another ending", "causal", ["--sequence", "MKV", "--mutants", "--out", "a.pdf"], /ends in \.svg, \.png, \.csv/],
    ["an unknown accession", "causal", ["--sequence", "BPT1_BOVEN"], /did you mean BPT1_BOVIN/],
  ])("%s, and writes nothing", async (_, run, args, message) => {
    const before = readdirSync(folder);
    const given = args.map((arg) => (arg === "FASTA" ? fasta : arg));
    await expect(score(run, ...given, "--json")).rejects.toThrow(message);
    expect(output.stdout).toBe("");
    expect(readdirSync(folder)).toEqual(before);
  });

  it("what is wrong with the last record before it scores the first", async () => {
    writeFileSync(at("late.fasta"), `${tinyFasta()}>last\nMK-V\n`);
    await expect(score("causal", "--fasta", at("late.fasta"), "--json")).rejects.toThrow(/record last: .*gap/);
    expect(output.stdout).toBe("");
  });
});
