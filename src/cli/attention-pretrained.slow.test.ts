/**
 * `performer attention` on pretrained and converted models: the tokenizer's own tokens, pages that say what they show,
 * and what is refused.
 */

import { parseHTML } from "linkedom";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { captureOutput, type Captured } from "../../tests/cli/capture.ts";
import { goldenFolder } from "../../tests/convert/golden.ts";
import { minilmFolder } from "../../tests/convert/minilm.ts";
import { oneThread, snapshot, tinyFasta } from "../../tests/e2e/cli.ts";
import { attentionCommand } from "./attention.ts";
import type { Explanation } from "../tasks/attention/explanation.ts";
import type { PageData } from "../views/attention/page-data.ts";
import { convertCommand } from "./convert.ts";
import { UsageError } from "../runs/usage.ts";

const folder = mkdtempSync(join(tmpdir(), "performer-attention-pretrained-"));
let output: Captured;
beforeEach(() => {
  output = captureOutput();
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function attention(path: string, ...args: string[]): Promise<Explanation> {
  output.stdout = "";
  await attentionCommand().parseAsync([path, ...oneThread, ...args, "--json"], { from: "user" });
  return JSON.parse(output.stdout) as Explanation;
}

const pageAt = (out: string) => readFileSync(join(out, "report.html"), "utf8");

/** What the page's script is given. */
function dataOf(page: string): PageData {
  return JSON.parse(parseHTML(page).document.querySelector("#data")?.textContent ?? "") as PageData;
}

/** The weights as the page reads them, two bytes each. */
function weightsOf({ heads, largest }: PageData): readonly Float64Array[] {
  return heads.map(({ weights }) => {
    const bytes = Buffer.from(weights, "base64");
    return Float64Array.from({ length: bytes.length / 2 }, (_, index) => {
      const root = bytes.readInt16LE(2 * index) / 32767;
      return Math.sign(root) * root * root * largest;
    });
  });
}

/** A root is rounded by 1/65534 at most, so a row's sum by less than 2 · √L / 65534 with L = 26 weights. */
const ROUNDING = 2e-4;

describe("performer attention of a pretrained model of text", () => {
  it("shows all-MiniLM-L6-v2 on its own tokens, escaped, with rows that sum to 1", async () => {
    await using minilm = await minilmFolder();
    const text = `A man named <b>O"Hara</b> is eating unbelievably tasty food & drinks.`;
    const out = join(folder, "minilm");
    const { sequence, layers, similarity, causal } = await attention(minilm.path, "--text", text, "--out", out);
    const words =
      `a man named < b > o " hara < / b > is eating un ##bel ##ie ##va ##bly ta ##sty food & drinks .`.split(" ");
    expect(sequence).toMatchObject({ text, units: "tokens", length: words.length, wholeLength: words.length });
    expect(sequence.tokens).toEqual(["[CLS]", ...words, "[SEP]"]);
    expect([similarity, causal]).toEqual([null, false]);
    expect(layers.map(({ mechanism, heads }) => [mechanism, heads.length])).toEqual(Array(6).fill(["exact", 12]));
    expect(layers[0]?.heads[0]?.topPartners[0]?.query).toMatch(/^\S+\(\d+\)$/);
    expect(readdirSync(out).toSorted()).toEqual([
      "attention.png",
      "attention.svg",
      "report.html",
      "tokens.png",
      "tokens.svg",
    ]);

    const page = pageAt(out);
    const data = dataOf(page);
    expect(data.labels).toEqual(sequence.tokens);
    expect(data.heads).toHaveLength(72);
    const length = data.labels.length;
    for (const weights of weightsOf(data)) {
      expect(weights).toHaveLength(length * length);
      for (let row = 0; row < length; row++) {
        const sum = weights.subarray(row * length, (row + 1) * length).reduce((total, weight) => total + weight, 0);
        expect(Math.abs(sum - 1)).toBeLessThan(ROUNDING);
      }
    }

    expect(page).not.toMatch(/<b>O|<\/b> is/);
    const { document } = parseHTML(page);
    const shown = document.querySelector("main")?.textContent ?? "";
    expect(shown).toContain(`<b>O"Hara</b>`);
    expect(shown).toContain("[CLS] and [SEP] are special tokens around the text.");
    expect(shown).not.toMatch(/residue|protein|amino/i);
    for (const name of ["attention.svg", "tokens.svg"]) {
      const svg = readFileSync(join(out, name), "utf8");
      expect(svg).not.toMatch(/<b>|residue|protein/i);
      expect(svg).toContain("##bly");
    }
  });

  it("writes beside the caller, not into another's folder, and takes what convert wrote", async () => {
    const before = process.cwd();
    const own = snapshot(goldenFolder("bert"));
    const converted = join(folder, "linear");
    await convertCommand().parseAsync(
      [goldenFolder("bert"), "--features", "64", "--no-diagnosis", "--out", converted, ...oneThread],
      { from: "user" },
    );
    process.chdir(folder);
    try {
      const exact = await attention(goldenFolder("bert"));
      const linear = await attention(converted);
      expect(exact.files[0]).toBe(join("bert-attention", "attention.svg"));
      expect(linear.files[0]).toBe(join("linear-attention", "attention.svg"));
      expect(linear.layers.map(({ mechanism }) => mechanism)).toEqual(["favor", "favor"]);
      // The same text, the same tokens, the same kind of rows.
      expect(linear.sequence).toEqual(exact.sequence);
      expect(linear.beside).toBeNull();
      expect(pageAt("linear-attention")).not.toContain("Beside");
      expect(pageAt("linear-attention")).toMatch(/with 64 features, made from \S*bert\./);
    } finally {
      process.chdir(before);
    }
    expect(snapshot(goldenFolder("bert"))).toEqual(own);
  });

  it("shows a second model beside the first, and how far each head is from its own", async () => {
    const out = join(folder, "beside");
    const converted = join(folder, "two-layers");
    await convertCommand().parseAsync(
      [goldenFolder("bert"), "--features", "64", "--layers", "1", "--no-diagnosis", "--out", converted, ...oneThread],
      { from: "user" },
    );
    const { layers, beside, files } = await attention(converted, "--beside", goldenFolder("bert"), "--out", out);
    const differences = layers.map(({ heads }) => heads.map(({ difference }) => difference ?? Number.NaN));
    // The first layer is as it was, and what it is given too.
    expect(Math.max(...(differences[0] ?? [Number.NaN]))).toBeLessThan(1e-5);
    expect(Math.min(...(differences[1] ?? [Number.NaN]))).toBeGreaterThan(0.01);
    const all = differences.flat();
    expect(beside?.model).toBe("bert");
    expect(beside?.difference).toBeCloseTo(all.reduce((sum, each) => sum + each, 0) / all.length, 9);
    expect(files).toContain(join(out, "beside.png"));
    const { document } = parseHTML(pageAt(out));
    expect(document.querySelector("main")?.textContent).toMatch(
      /of the attention goes elsewhere than in bert, mean over/,
    );
    // Three heads of two layers of both, and the scale.
    expect(document.querySelectorAll("main svg image")).toHaveLength(13);
    const beyond = attention(converted, "--beside", goldenFolder("gpt2"), "--out", out);
    await expect(beyond).rejects.toThrow(/^--beside: the second model must have the tokens of the first, got those of/);
    const proteins = attention(converted, "--beside", goldenFolder("esm"), "--out", out);
    await expect(proteins).rejects.toThrow(
      /^--beside: the second model must have text to read, got one that reads proteins/,
    );
    const oneHead = join(folder, "one-head");
    cpSync(goldenFolder("bert"), oneHead, { recursive: true });
    const config = JSON.parse(readFileSync(join(oneHead, "config.json"), "utf8")) as object;
    writeFileSync(join(oneHead, "config.json"), JSON.stringify({ ...config, num_attention_heads: 1 }));
    await expect(attention(converted, "--beside", oneHead, "--out", out)).rejects.toThrow(
      /^--beside: the second model must have as many layers × heads as the first, 2 × 3, got 2 × 1 /,
    );
    const same = await attention(goldenFolder("bert"), "--beside", goldenFolder("bert"), "--heads", "2", "--out", out);
    expect(same.beside?.difference).toBe(0);
  });

  it("tells two models of one name apart, and says of --beside what the second does not read", async () => {
    const out = join(folder, "one-name-out");
    const short = join(folder, "one-name", "bert");
    cpSync(goldenFolder("bert"), short, { recursive: true });
    const tokenizer = JSON.parse(readFileSync(join(short, "tokenizer_config.json"), "utf8")) as object;
    writeFileSync(join(short, "tokenizer_config.json"), JSON.stringify({ ...tokenizer, model_max_length: 9 }));
    const both = (...args: string[]) => attention(goldenFolder("bert"), "--beside", short, "--out", out, ...args);
    const { beside } = await both("--length", "7");
    expect(beside).toEqual({ model: short, difference: 0 });
    expect(readFileSync(join(out, "beside.svg"), "utf8")).toContain(`${goldenFolder("bert")}, and below it ${short}`);
    await expect(both("--length", "8")).rejects.toThrow(
      /^--beside: the second model must have room for the 8 tokens that are shown, got room for 7 with the longest text that the model's folder states, .+bert; show fewer with --length 7$/,
    );
  });

  it("knows special tokens from a text that names them", async () => {
    const out = join(folder, "named");
    const { sequence } = await attention(goldenFolder("bert"), "--text", "[CLS] [CLS]", "--heads", "0", "--out", out);
    expect(sequence).toMatchObject({ tokens: ["[CLS]", "[CLS]", "[CLS]", "[SEP]"], length: 2 });
    expect(dataOf(pageAt(out)).names).toEqual(["[CLS]", "[CLS](1)", "[CLS](2)", "[SEP]"]);
  });

  it("counts what a folder puts in front of a text, and reads it as the folder says", async () => {
    const path = join(folder, "prompted");
    cpSync(goldenFolder("bert"), path, { recursive: true });
    const modules = ["Transformer", "Pooling"].map((kind) => ({
      type: `sentence_transformers.models.${kind}`,
      path: kind === "Pooling" ? "1_Pooling" : "",
    }));
    cpSync(goldenFolder("bert"), join(path, "1_Pooling"), { recursive: true });
    const files = {
      "modules.json": modules,
      "1_Pooling/config.json": { pooling_mode_mean_tokens: true },
      "sentence_bert_config.json": { max_seq_length: 9, do_lower_case: true },
      "config_sentence_transformers.json": { prompts: { query: "the cat " }, default_prompt_name: "query" },
    };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), JSON.stringify(content));
    const out = join(folder, "prompted-out");
    const { sequence } = await attention(path, "--text", "THE CAT SAT", "--heads", "0", "--out", out);
    const vocabulary = await attention(
      goldenFolder("bert"),
      "--text",
      "the cat the cat sat",
      "--heads",
      "0",
      "--out",
      out,
    );
    expect(sequence.tokens).toEqual(vocabulary.sequence.tokens);
    const long = await attention(path, "--text", "the ".repeat(20), "--heads", "0", "--out", out);
    expect(long.sequence).toMatchObject({ length: 7, wholeLength: 22 });
    await expect(attention(path, "--length", "8", "--heads", "0", "--out", out)).rejects.toThrow(
      /^--length must be at most 7 with the longest text that the model's folder states, got 8/,
    );
  });

  it("says of a text that is cut how much of it is shown, and that a decoder has nothing around it", async () => {
    const out = join(folder, "gpt2");
    const { notices, sequence, causal } = await attention(
      goldenFolder("gpt2"),
      "--text",
      "ab ".repeat(30),
      "--out",
      out,
    );
    expect(causal).toBe(true);
    expect(notices[0]).toMatch(
      /^The first 29 of \d+ tokens are shown; --length shows up to 29, --text takes any part\./,
    );
    expect(output.stderr).toContain(notices[0]);
    expect(sequence.tokens).toHaveLength(29);
    expect(pageAt(out)).toMatch(/no token sees a later one\.\s+There are no special tokens around the text\./);
  });

  it.each([
    [["--text", ""], /^--text must hold at least one token, got ""; write a sentence/],
    [["--text", " \n"], /^--text must hold at least one token/],
    [
      ["--text", "a b", "--tokens", "3"],
      /^--tokens must be numbers of tokens from 1 to 2, got 3; count from the first token/,
    ],
    [["--text", "a b", "--tokens", "0"], /^--tokens must be numbers of tokens from 1 to 2, got 0/],
    [["--sequence", "MKV"], /^--sequence must come with a model of proteins, got .+bert, which reads text; use --text/],
    [["--similarity-of", "heads"], /^--similarity-of must come with a model of proteins/],
    [["--fasta", "mine.fasta"], /^--fasta must come with a model of proteins, .+ have no amino acids to compare/],
    [["--split", "ood"], /^--split must come with a model of proteins/],
    [["--layers", "7"], /layers must be distinct numbers from 0 to 1, got 7/],
  ] as const)("refuses %j", async (args, message) => {
    const refused = attention(goldenFolder("bert"), ...args, "--out", join(folder, "refused"));
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toBeInstanceOf(UsageError);
  });
});

describe("performer attention of a pretrained model of proteins", () => {
  it("reads residues by ESM-2's own ids, and compares amino acids", async () => {
    const fasta = join(folder, "tiny.fasta");
    writeFileSync(fasta, tinyFasta());
    const out = join(folder, "esm");
    const printed = await attention(goldenFolder("esm"), "--fasta", fasta, "--tokens", "5,14", "--out", out);
    const { sequence, similarity } = printed;
    expect(sequence).toMatchObject({ id: "P00974|BPT1_BOVIN", units: "residues", length: 100 });
    expect(sequence.tokens.join("")).toBe(`^${sequence.residues}$`);
    expect(similarity).toMatchObject({ view: "heads", with: "BLOSUM62", sequences: 40, heads: 6 });
    expect(dataOf(pageAt(out)).names.slice(0, 2)).toEqual(["<cls>", `${sequence.residues?.charAt(0)}1`]);
  });

  it("counts all residues of a protein, also beyond the positions that the folder states", async () => {
    const residues = "MKTAYIAKQR".repeat(150);
    const args = ["--sequence", residues, "--no-similarity", "--length", "5", "--out", join(folder, "long-protein")];
    const { sequence, notices } = await attention(goldenFolder("esm"), ...args);
    expect(sequence).toMatchObject({ residues: "MKTAY", length: 5, wholeLength: 1500 });
    expect(notices[0]).toMatch(/^The first 5 of 1500 residues are shown; --length shows up to \d+, --sequence takes/);
  });

  it("refuses texts, and a model of images everything", async () => {
    const out = join(folder, "refused");
    await expect(attention(goldenFolder("esm"), "--text", "MKV", "--out", out)).rejects.toThrow(
      /^--text must come with a model of text, got .+esm, which reads proteins; use --sequence/,
    );
    await expect(attention(goldenFolder("vit"), "--out", out)).rejects.toThrow(
      /^the model must read proteins or text, got .+vit, which reads images/,
    );
  });
});
