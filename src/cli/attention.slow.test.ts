/**
 * `performer attention` on runs that a test can train, causal and masked: its files, its figures, and what it refuses.
 */

import { decode } from "fast-png";
import { parseHTML } from "linkedom";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import { captureOutput, type Captured } from "../../tests/cli/capture.ts";
import { oneThread, tinyFasta, tinyModel } from "../../tests/e2e/cli.ts";
import { attentionCommand } from "./attention.ts";
import type { Explanation } from "../tasks/attention/explanation.ts";
import { UsageError } from "../runs/usage.ts";
import { trainCommand } from "./train.ts";

const folder = mkdtempSync(join(tmpdir(), "performer-attention-"));
const [fasta, text] = [join(folder, "tiny.fasta"), join(folder, "tiny.txt")];
const runOf = (kind: string) => join(folder, kind);
let output: Captured;

function capture(): void {
  output = captureOutput();
}

const attention = async (kind: string, ...args: string[]) =>
  attentionCommand().parseAsync([runOf(kind), ...oneThread, ...args], { from: "user" });

beforeAll(async () => {
  writeFileSync(fasta, tinyFasta());
  writeFileSync(text, "It is a truth universally acknowledged. ".repeat(40));
  capture();
  const common = [...oneThread, ...tinyModel, "--set", "steps=3", "--json"];
  const kinds = {
    causal: ["--fasta", fasta],
    masked: ["--fasta", fasta, "--task", "masked", "--set", "model.positions=learned"],
    text: ["--data", text],
  };
  for (const [kind, settings] of Object.entries(kinds)) {
    await trainCommand().parseAsync([...settings, ...common, "--out", runOf(kind)], { from: "user" });
  }
  vi.restoreAllMocks();
});

beforeEach(capture);
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FILES = [
  "attention.png",
  "attention.svg",
  "report.html",
  "similarity.json",
  "similarity.png",
  "similarity.svg",
  "tokens.png",
  "tokens.svg",
];

describe("performer attention", () => {
  it.each([
    ["causal", 100, "the embedded test split"],
    ["masked", 62, "the embedded test split"],
  ] as const)("of a %s model writes files that are whole, and tells their figures", async (kind, shown, source) => {
    await attention(kind, "--count", "24", "--tokens", "5,14", "--json");
    const out = join(runOf(kind), "attention");
    expect(readdirSync(out).toSorted()).toEqual(FILES);
    const read = (name: string) => readFileSync(join(out, name));
    for (const name of FILES.filter((each) => each.endsWith(".svg"))) {
      const svg = read(name).toString();
      expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" [\s\S]+<\/svg>\n$/);
      // Nothing from elsewhere, and no number that is none.
      expect(svg.replace("http://www.w3.org/2000/svg", "").replace(/base64,[^"]*/g, "")).not.toMatch(
        /https?:|NaN|undefined|Infinity/,
      );
      const { document } = parseHTML(svg);
      expect(document.querySelectorAll("text").length).toBeGreaterThan(3);
      const png = decode(read(name.replace(".svg", ".png")));
      expect([png.width / 2, png.height / 2].map(Math.ceil)).toEqual(
        ["width", "height"].map((side) => Math.ceil(Number(document.querySelector("svg")?.getAttribute(side)))),
      );
      expect(new Set(png.data).size).toBeGreaterThan(5);
    }
    // Two layers of two heads, and the scale.
    expect(
      read("attention.svg")
        .toString()
        .match(/data:image\/png;base64,/g),
    ).toHaveLength(5);
    const page = read("report.html").toString();
    expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)|<link|<img|<iframe|\ssrc=|@import|url\(/);
    expect(page.match(/<script type="module">/g)).toHaveLength(1);
    const printed = JSON.parse(output.stdout) as Explanation;
    expect(printed.sequence).toMatchObject({ id: "P00974|BPT1_BOVIN", length: shown, wholeLength: 100 });
    expect(printed.causal).toBe(kind === "causal");
    expect(printed.layers.map(({ layer, heads }) => [layer, heads.length])).toEqual([
      [0, 2],
      [1, 2],
    ]);
    for (const head of printed.layers.flatMap(({ heads }) => heads)) {
      expect(head.entropyShare).toBeGreaterThan(0.5);
      expect(head.entropyShare).toBeLessThanOrEqual(1 + 1e-6);
      expect(head.topPartners[0]?.query).toMatch(/^[A-Z]\d+$/);
    }
    expect(printed.similarity).toMatchObject({ view: "heads", with: "BLOSUM62", pairs: 190, sequences: 24, heads: 4 });
    expect(printed.similarity?.notes[0]).toContain(source);
    expect(printed.similarity?.views.map(({ view }) => view)).toEqual(["heads", "pairs", "embeddings"]);
    const whole = JSON.parse(read("similarity.json").toString()) as {
      ranked: unknown[];
      similarity: (number | null)[][];
    };
    expect(whole.ranked).toHaveLength(190);
    expect(whole.similarity[3]?.[3]).toBeNull();
    expect(printed.notices).toHaveLength(kind === "masked" ? 1 : 0);
    expect(output.stderr.includes("attention: The first 62 of 100 residues are shown")).toBe(kind === "masked");
  });

  it("of a run of text tells of its bytes", async () => {
    await attention("text", "--text", "It is\nà", "--tokens", "3,6", "--json");
    const printed = JSON.parse(output.stdout) as Explanation;
    expect(printed.sequence).toEqual({
      id: '"It is à"',
      text: "It is\nà",
      tokens: ["<bos>", "I", "t", "␣", "i", "s", "⏎", "<0xC3>", "<0xA0>"],
      units: "bytes",
      length: 8,
      wholeLength: 8,
    });
    expect(printed.similarity).toBeNull();
    const out = join(runOf("text"), "attention");
    expect(readdirSync(out).toSorted()).toEqual(FILES.filter((name) => !name.startsWith("similarity")));
    const { document } = parseHTML(readFileSync(join(out, "report.html"), "utf8"));
    const [main, title] = [document.querySelector("main")?.textContent, document.querySelector("h1")?.textContent];
    expect(title).toMatch(/^Attention of /);
    expect(main).toMatch(/8 bytes; no byte sees a later one\. <bos> is a special token around the text\./);
    // The curves of its training.
    expect(main).toContain("Loss (nats per byte)");
  });

  it("tells the same to people, without the similarity, of some layers and heads", async () => {
    const out = join(folder, "some");
    await attention(
      "causal",
      "--sequence",
      "mktayiakqrqis",
      "--layers",
      "1",
      "--heads",
      "0",
      "--no-similarity",
      "--out",
      out,
    );
    expect(output.stdout).toMatch(/^Attention on sequence 1, 13 residues\nhead {2}mechanism/);
    expect(output.stdout.match(/^\d\.\d /gm)).toEqual(["1.0 "]);
    expect(output.stdout).not.toContain("Amino acids");
    expect(readdirSync(out).toSorted()).toEqual(FILES.filter((name) => !name.startsWith("similarity")));
  });

  it("takes other proteins, and pairs where there are too few heads to correlate over", async () => {
    await attention("causal", "--fasta", fasta, "--heads", "1", "--length", "20", "--json");
    const { similarity } = JSON.parse(output.stdout) as Explanation;
    expect(similarity).toMatchObject({ view: "pairs", sequences: 40, heads: 2 });
    expect(similarity?.notes.join(" ")).toMatch(/too few heads to correlate over them, 2, so pairs are shown/);
    await expect(attention("causal", "--heads", "1", "--similarity-of", "heads", "--count", "3")).rejects.toThrow(
      /headSimilarity: there must be at least 3 heads/,
    );
  });

  it.each(["causal", "masked"] as const)("reads similarity from predictions of a %s model when asked", async (kind) => {
    await attention(kind, "--similarity-of", "predictions", "--count", "40", "--length", "20", "--json");
    const { similarity } = JSON.parse(output.stdout) as Explanation;
    expect(similarity).toMatchObject({ view: "predictions", sequences: 40 });
    expect(similarity?.views.map(({ view }) => view)).toEqual(["heads", "pairs", "embeddings", "predictions"]);
    expect(similarity?.correlation).toBeGreaterThan(-1);
  });

  it.each([
    ["causal", ["--sequence", "BPT1_BOVINE"], /an accession must be one of .+ did you mean BPT1_BOVIN\?/],
    ["causal", ["--sequence", "MKV*A"], /^sequence 1: .+ got "\*" at position 4/],
    ["causal", ["--tokens", "101"], /^--tokens must be numbers of residues from 1 to 100, got 101/],
    ["causal", ["--layers", "2"], /layers must be distinct numbers from 0 to 1, got 2/],
    ["causal", ["--length", "5000"], /^--length must be at most 1447 for 4 heads, .+ got 5000; choose fewer/],
    ["masked", ["--length", "63"], /^--length must be at most 62 with learned positions, got 63/],
    ["text", ["--sequence", "MKV"], /--sequence must come with a model of proteins, .+ reads text; use --text/],
    ["causal", ["--text", "It is"], /--text must come with a model of text, .+ reads proteins; use --sequence/],
  ] as const)("of a %s model refuses %j", async (kind, args, message) => {
    await expect(attention(kind, ...args)).rejects.toThrow(message);
  });

  it("leaves out a view that so few sequences do not allow, and says so", async () => {
    await attention("causal", "--count", "1", "--json");
    const { similarity } = JSON.parse(output.stdout) as Explanation;
    expect(similarity?.views.map(({ view }) => view)).toEqual(["heads", "embeddings"]);
    expect(similarity?.notes.join(" ")).toMatch(
      /The view pairs is left out: every pair of the 20 standard residues must occur/,
    );
    await expect(attention("causal", "--count", "1", "--similarity-of", "pairs")).rejects.toThrow(
      /give more sequences/,
    );
  });

  it("names wrong use as such", async () => {
    await expect(attention("causal", "--layers", "9")).rejects.toBeInstanceOf(UsageError);
    await expect(attention("causal", "--tokens", "a")).rejects.toThrow(/whole numbers with commas between them/);
    await expect(attention("causal", "--fasta", join(folder, "none.fasta"))).rejects.toThrow(/does not exist/);
  });
});
