/** Other data than proteins, by the command line: text, images, tables with labels; and what each refuses. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { decodeImage, encodePngImage } from "../../src/data/index.ts";
import { PerformerForSequenceClassification } from "../../src/index.ts";
import { createWorkplace, oneThread, parseOnly, snapshot, tinyModel, type Finished } from "./cli.ts";

const place = createWorkplace();
const common = [...oneThread, ...tinyModel, "--set", "steps=3"];

async function succeed(...args: string[]): Promise<Finished> {
  const finished = await place.run(...args);
  expect(finished.code, finished.stderr).toBe(0);
  return finished;
}

async function trained(out: string, ...args: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await succeed("train", ...args, ...common, "--out", out, "--json");
  // One JSON object, as every command prints with --json.
  return parseOnly(stdout) as Record<string, unknown>;
}

function configOf(run: string): unknown {
  return JSON.parse(readFileSync(place.path(run, "config.json"), "utf8"));
}

/** Its second half is unlike its first, so that splits can be told apart. */
const text = `${"It is a truth universally acknowledged. ".repeat(40)}${"Ärger, überall! ".repeat(40)}`;
/** Words of two classes. */
const mails = Array.from({ length: 60 }, (_, row) =>
  row % 2 === 0 ? `win money now ${row},spam` : `dear friend ${row},ham`,
);

function tableOf(labels: readonly string[]): string {
  return `text,label\n${labels.map((label, row) => `word ${row},${label}`).join("\n")}\n`;
}

beforeAll(() => {
  place.write("book.txt", text);
  place.write("mails.csv", `text,label\n${mails.join("\n")}\n`);
  place.write(
    "values.tsv",
    `sequence\tlabel\n${Array.from({ length: 60 }, (_, row) => `${"A".repeat(1 + (row % 7))}B${row}\t${(row % 7) / 2}`).join("\n")}\n`,
  );
  mkdirSync(place.path("pictures"));
  for (let number = 0; number < 120; number++) {
    const pixels = Uint8Array.from({ length: 12 }, (_, place_) => (number * 7 + place_ * 20) % 256);
    writeFileSync(
      place.path("pictures", `${number}.png`),
      encodePngImage({ width: 4, height: 3, channels: 1, pixels }),
    );
  }
});
afterAll(() => place[Symbol.dispose]());

describe("text", () => {
  it("is trained as bytes, and the run remembers how it is read", async () => {
    const result = await trained("text", "--data", "book.txt");
    expect(result).toMatchObject({ step: 3, evaluations: [{ task: "language-modeling", split: "test" }] });
    expect(configOf("text")).toMatchObject({
      architectures: ["PerformerForCausalLM"],
      name: "text",
      model: { vocabSize: 260, architecture: "decoder" },
      data: { name: "book.txt", kind: "text", path: place.path("book.txt"), task: "language-modeling" },
      vocabulary: { kind: "bytes" },
    });
    const report = readFileSync(place.path("text", "report.html"), "utf8");
    expect(report).toContain("Loss (nats per byte)");
    expect(report).not.toMatch(/residue frequencies/i);
  });

  it("is evaluated in bits per byte, the same as at the end of training, on other text too", async () => {
    const { stdout } = await succeed("eval", "text", "--json", ...oneThread);
    const figures = parseOnly(stdout) as { readonly lossNats: number; readonly bitsPerByte: number };
    expect(figures.bitsPerByte).toBeCloseTo(figures.lossNats / Math.LN2, 9);
    place.write("other.txt", "Und noch etwas anderes. ".repeat(20));
    const people = await succeed("eval", "text", "--data", "other.txt", ...oneThread);
    expect(people.stdout).toMatch(/bits per byte/);
    expect(people.stdout).toMatch(/\d+ bytes/);
  });

  it("is generated as text", async () => {
    const args = ["generate", "text", "--prompt", "It is — ü", "--tokens", "7", ...oneThread];
    const { stdout } = await succeed(...args);
    expect(stdout.startsWith("It is — ü")).toBe(true);
    expect((await succeed(...args, "--count", "2")).stdout).toMatch(/^──── performer-1 \(perplexity [\d.]+\)\nIt is/);
  });

  it("is read in the characters of a run wherever it is read again", async () => {
    await trained("letters", "--data", "book.txt", "--tokenizer", "characters");
    expect(configOf("letters")).toMatchObject({ vocabulary: { kind: "characters" } });
    const { stdout } = await succeed("eval", "letters", "--json", ...oneThread);
    const { lossNats, bitsPerByte } = parseOnly(stdout) as { readonly lossNats: number; readonly bitsPerByte: number };
    // Some characters are of two bytes.
    expect(bitsPerByte).toBeLessThan(lossNats / Math.LN2);
    place.write("strange.txt", "漢字");
    const refused = await place.run("eval", "letters", "--data", "strange.txt", "--split", "train", ...oneThread);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/characters must be among the \d+ of the vocabulary, got "漢"/);
  });

  it("too small to be parted says that nothing was held out", async () => {
    const { stdout } = await succeed("train", "--data", place.write("tiny.txt", "abc"), ...common, "--out", "tiny");
    expect(stdout).toMatch(/^no test split: too little data/);
    expect(readFileSync(place.path("tiny", "report.html"), "utf8")).toContain("no test split: too little data");
  });

  it("of a document longer than a window is trained in parts", async () => {
    const long = ["--set", "maxSeqLen=512", "--set", "tokensPerBatch=512", "--set", "segmentLength=128"];
    const { stdout } = await succeed("train", "--data", "book.txt", ...common, ...long, "--out", "long", "--json");
    expect(parseOnly(stdout)).toMatchObject({ step: 3 });
    await succeed("eval", "long", ...oneThread);
  });
});

describe("images", () => {
  it("are trained pixel by pixel, with as many places as they have pixels", async () => {
    const without = common.filter(
      (each, index) => !/maxSeqLen/.test(each) && !/maxSeqLen/.test(common[index + 1] ?? ""),
    );
    const { stdout } = await succeed("train", "--data", "pictures", "--grey", ...without, "--out", "images", "--json");
    expect(parseOnly(stdout)).toMatchObject({ evaluations: [{ split: "test", bitsPerDimension: expect.any(Number) }] });
    expect(configOf("images")).toMatchObject({
      model: { maxSeqLen: 12, vocabSize: 260 },
      vocabulary: { kind: "pixels", width: 4, height: 3, channels: 1 },
    });
    expect(readFileSync(place.path("images", "report.html"), "utf8")).toContain("data:image/png;base64,");
  });

  it("are generated as PNG files of their size", async () => {
    const { stdout } = await succeed("generate", "images", "--count", "2", "--out", "new/pictures", ...oneThread);
    expect(stdout).toBe("new/pictures/performer-1.png\nnew/pictures/performer-2.png\n");
    const bytes = readFileSync(place.path("new", "pictures", "performer-2.png"));
    expect(await decodeImage(bytes, "it")).toMatchObject({ width: 4, height: 3, channels: 1 });
  });
});

describe("tables", () => {
  it("with few labels train a classifier, which is compared with the commonest class", async () => {
    const result = await trained("mails", "--data", "mails.csv");
    const figures = { task: "classification", split: "test", majority: { accuracy: expect.any(Number) } };
    expect(result).toMatchObject({ evaluations: [figures], samples: [] });
    expect(configOf("mails")).toMatchObject({
      architectures: ["PerformerForSequenceClassification"],
      model: { architecture: "encoder", head: "sequence-classification", numLabels: 2 },
      classNames: ["ham", "spam"],
    });
    const { stdout } = await succeed("eval", "mails", ...oneThread);
    expect(stdout).toMatch(/split +model +majority +difference/);
  });

  it("with labels train a classifier that the library applies to new sequences, by the run's own vocabulary", async () => {
    const model = await PerformerForSequenceClassification.from_pretrained(place.path("mails"));
    expect(model.vocabulary.toJSON()).toEqual({ kind: "bytes" });
    const predictions = await model.predict(["win money now", "dear friend, wie wär's"]);
    for (const { label, probabilities } of predictions) {
      expect([0, 1]).toContain(label);
      expect(probabilities.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 5);
    }
    expect(predictions).toHaveLength(2);
    const refused = await place.run(
      "eval",
      "mails",
      "--data",
      place.write("junk.csv", "text,label\nx,junk\n"),
      ...oneThread,
    );
    expect(refused.stderr).toMatch(/got "junk"; the run knows the classes ham, spam;/);
  });

  it("whose labels tell no task train a language model, and say so", async () => {
    const args = ["train", "--data", place.write("names.csv", tableOf(mails.map((_, row) => `name ${row}`)))];
    const { stderr } = await succeed(...args, ...common, "--out", "names");
    expect(stderr).toContain(
      "labels: 60 different texts in 60 rows: training a language model; pass --task classification or regression\n",
    );
    expect(configOf("names")).toMatchObject({ data: { task: "language-modeling" } });
  });

  it("with numbers train a regression, which is compared with their mean", async () => {
    const result = await trained("values", "--data", "values.tsv");
    expect(result).toMatchObject({
      evaluations: [
        { task: "regression", rSquared: expect.any(Number), mean: { meanSquaredError: expect.any(Number) } },
      ],
    });
    expect((await succeed("eval", "values", ...oneThread)).stdout).toMatch(/squared error .*\n.*R²/);
  });

  it("train an encoder on hidden tokens when that is asked for", async () => {
    await trained("masked", "--data", "mails.csv", "--task", "masked");
    expect(configOf("masked")).toMatchObject({ architectures: ["PerformerForMaskedLM"], data: { task: "masked" } });
    expect((await succeed("eval", "masked", ...oneThread)).stdout).toMatch(/unigram/);
  });
});

describe("what is refused, with nothing written", () => {
  const refused: readonly (readonly [code: number, args: readonly string[], message: RegExp])[] = [
    [2, ["--data", "notes.docx"], /the ending of a file must tell what it holds/],
    [1, ["--data", "empty.txt"], /empty\.txt: a document must hold at least one character, got an empty file/],
    [1, ["--data", "empty.csv"], /empty\.csv: a table must hold at least one row/],
    [1, ["--data", "nothing.txt"], /nothing\.txt", which does not exist/],
    [1, ["--data", "mails.csv", "--label-column", "spam"], /there must be a column "spam".*--label-column/],
    [1, ["--data", "mails.csv", "--task", "regression"], /a value to learn must be a finite number, got "spam"/],
    [
      2,
      ["--data", "book.txt", "--tokenizer", "gpt3/tokenizer.json"],
      /the tokenizer must be bytes, characters or .*does not exist/,
    ],
    [
      1,
      ["--data", "nan.csv"],
      /nan\.csv, line 9, column label: a label must be a finite number where most are, got "NaN"/,
    ],
    [
      1,
      ["--data", "numbers.csv", "--label-column", "label"],
      /column label: .*got 60 different whole numbers in 60 rows/,
    ],
    [
      2,
      ["--data", "pictures", "--grey", "--set", "maxSeqLen=11"],
      /maxSeqLen must be at least 12, the places of an image, got 11/,
    ],
    [1, ["--data", "pictures", "--task", "classification"], /must have labels, got images without any/],
    [2, ["--task", "masked", "--set", "architecture=decoder"], /architecture must be 'encoder' for task 'masked'/],
    [2, ["--data", "book.txt", "--set", "mechanism=efficient"], /must be bidirectional/],
  ];

  beforeAll(() => {
    place.write("notes.docx", "x");
    const fractions = Array.from({ length: 60 }, (_, row) => String(row + 0.5));
    place.write("nan.csv", tableOf(fractions.with(7, "NaN")));
    place.write("numbers.csv", tableOf(Array.from({ length: 60 }, (_, row) => String(row))));
    place.write("empty.txt", "");
    place.write("empty.csv", "");
  });

  it("train", async () => {
    const before = snapshot(place.folder);
    // Side by side: each is mostly the start of a process.
    const results = await Promise.all(refused.map(([, args]) => place.run("train", ...args, ...oneThread, "--json")));
    for (const [index, [code, args, message]] of refused.entries()) {
      const finished = results[index];
      expect(finished, `${args.join(" ")}: ${finished?.stderr}`).toMatchObject({ code, stdout: "" });
      expect(finished?.stderr).toMatch(message);
      expect(finished?.stderr).not.toMatch(/^\s+at |defect/m);
    }
    expect(snapshot(place.folder)).toEqual(before);
    expect(existsSync(place.path("runs"))).toBe(false);
  });

  it("generate and eval", async () => {
    const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
      [
        ["generate", "mails"],
        /must predict the next token .*got one of task classification.*from_pretrained.*train another with --task language-modeling$/m,
      ],
      [["generate", "images"], /images must have a folder to go to, got none; add --out/],
      [["generate", "images", "--out", "x", "--prompt", "7"], /images are generated whole/],
      [["generate", "text", "--novel"], /--novel must come with a model of proteins, got one of text/],
      [["generate", "text", "--tag", "x"], /--tag must come with a model of proteins, got one of text; leave it out/],
      [["generate", "images", "--out", "x", "--unique"], /images are generated whole, got --min-tokens, --unique/],
      [["generate", "text", "--min-tokens", "300"], /--min-tokens must be at most --tokens \(200\), got 300/],
      [["eval", "text", "--data", "mails.csv"], /must be of the kind that the run was trained on, text, got table/],
      [["eval", "mails", "--label-column", "x"], /--label-column must come with --data/],
    ];
    const results = await Promise.all(cases.map(([args]) => place.run(...args, ...oneThread)));
    for (const [index, [args, message]] of cases.entries()) {
      expect(results[index], args.join(" ")).toMatchObject({ code: 2, stdout: "" });
      expect(results[index]?.stderr).toMatch(message);
    }
  });
});
