/**
 * Fine-tuning by the command line: a decoder and an encoder become classifiers and regressions that every other command
 * and the library know.
 */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { PerformerForSequenceClassification } from "../../src/models/performer-for-sequence-classification.ts";
import { mean, meanSquaredError, pearson, populationVariance, rSquared } from "../../src/statistics/index.ts";
import { farTable } from "../data/far-labels.ts";
import { createWorkplace, digestOfFile, oneThread, parseOnly, snapshot, tinyFasta, tinyModel } from "./cli.ts";

const place = createWorkplace();

/** Proteins of which one kind is rich in lysine, with the share of it as a number. */
function labels(): string {
  const rows = Array.from({ length: 60 }, (_, row) => {
    const isRich = row % 2 === 0;
    const letters = isRich ? "KKKAEL" : "GGSPTV";
    const sequence = `M${Array.from({ length: 9 + (row % 7) }, (_, at) => letters[(at * 5 + row) % 6]).join("")}`;
    const split = ["train", "train", "train", "valid", "test", "test"][Math.floor(row / 2) % 6];
    const share = (100 * (sequence.split("K").length - 1)) / sequence.length;
    return `"P,${row}",${sequence},${isRich ? "rich" : "poor"},${share.toFixed(2)},${split}`;
  });
  return ["id,sequence,label,lysine,split", ...rows].join("\n");
}

const quick = ["--learning-rate", "0.01", "--batch", "256", ...oneThread];

beforeAll(async () => {
  place.write("tiny.fasta", tinyFasta());
  place.write("labels.csv", labels());
  const common = [...oneThread, "--fasta", "tiny.fasta", ...tinyModel, "--set", "steps=5"];
  const runs = await Promise.all([
    place.run("train", ...common, "--out", "causal"),
    place.run("train", ...common, "--task", "masked", "--out", "masked"),
  ]);
  expect(runs.map(({ code }) => code)).toEqual([0, 0]);
});
afterAll(() => place[Symbol.dispose]());

interface Told {
  readonly step: number;
  readonly evaluations: readonly { readonly measured: readonly { readonly name: string; readonly value: number }[] }[];
}

interface Figures {
  readonly meanSquaredError: number;
  readonly rSquared: number;
  readonly pearson: number;
  readonly mean: { readonly meanSquaredError: number; readonly rSquared: number };
}

interface Numbers {
  readonly run: string;
  readonly evaluations: readonly (Figures & { readonly measured: readonly { readonly baseline: number | null }[] })[];
}

const TOLERANCE = {
  /**
   * Predictions in batches of other sizes differ in their last digits, which are 0.002 of labels of 20,000 that differ
   * by 5.
   */
  batches: 1e-3,
} as const;

/** The figures that a file of predictions gives, in float64. */
function ofPredictions(path: string) {
  const [, ...lines] = readFileSync(path, "utf8").trimEnd().split("\n");
  const rows = lines.map((line) => line.split(","));
  const [labels, predictions] = [2, 3].map((column) => rows.map((cells) => Number(cells[column])));
  if (labels === undefined || predictions === undefined) throw new Error("a file of predictions has four columns");
  return {
    meanSquaredError: meanSquaredError(labels, predictions),
    rSquared: rSquared(labels, predictions),
    pearson: pearson(labels, predictions),
    labelVariance: populationVariance(labels),
  };
}

function measured({ evaluations }: Told): Record<string, number> {
  return Object.fromEntries((evaluations[0]?.measured ?? []).map(({ name, value }) => [name, value]));
}

describe("finetune", () => {
  it("makes a classifier of a decoder, which eval measures and the library applies", async () => {
    const args = ["finetune", "causal", "--data", "labels.csv", "--epochs", "40", ...quick];
    const { code, stdout, stderr } = await place.run(...args, "--out", "classifier", "--json");
    expect({ code, stderr: stderr.match(/defect|Error/) }).toEqual({ code: 0, stderr: null });
    expect(stderr).toContain("body: causal (task language-modeling), causal as it was trained");
    const result = parseOnly(stdout) as Told;
    expect(result).toMatchObject({
      run: "classifier",
      base: { run: "causal", task: "language-modeling", fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/) },
      predictions: "classifier/predictions.csv",
      evaluations: [{ task: "classification", split: "test", tokens: 20, majority: { accuracy: 0.5 } }],
    });
    expect(measured(result)).toMatchObject({ accuracy: 1, "macro-F1": 1, Matthews: 1 });
    const predictions = readFileSync(place.path("classifier", "predictions.csv"), "utf8").trimEnd().split("\n");
    expect(predictions).toHaveLength(21);
    expect(predictions.slice(0, 2)).toEqual([
      "id,split,label,prediction,probability",
      expect.stringMatching(/^"P,\d+",test,(rich,rich|poor,poor),0\.\d{4}$/),
    ]);
    expect(readFileSync(place.path("classifier", "report.html"), "utf8")).toContain("Matthews correlation");
    const evaluated = await place.run("eval", "classifier", ...oneThread, "--json");
    expect(parseOnly(evaluated.stdout)).toMatchObject({ accuracy: 1, tokens: 20 });
    const asked = ["--sequence", "MKKAKEL", "--sequence", "mggsptv", ...oneThread];
    const told = await place.run("predict", "classifier", ...asked);
    expect(told.stdout).toMatch(/^id,prediction,probability\n[^\n,]+,rich,[01]\.\d{4}\n[^\n,]+,poor,[01]\.\d{4}\n$/);
    const refused = await place.run("predict", "causal", ...asked);
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toMatch(/got one of task language-modeling; make one of it with performer finetune/);
    const model = await PerformerForSequenceClassification.from_pretrained(place.path("classifier"));
    expect(model.config).toMatchObject({ architecture: "decoder", head: "sequence-classification", pooling: "mean" });
    // Classes are in the order of their names.
    expect((await model.predict(["MKKAKEL", "MGGSPTV"])).map(({ label }) => label)).toEqual([1, 0]);
  });

  it("makes a regression of an encoder, in the labels' own unit", async () => {
    const args = ["finetune", "masked", "--data", "labels.csv", "--label-column", "lysine", "--epochs", "40", ...quick];
    const { code, stdout } = await place.run(...args, "--out", "regression", "--json");
    expect(code).toBe(0);
    const figures = measured(parseOnly(stdout) as Told);
    expect(figures["R²"]).toBeGreaterThan(0.5);
    expect(figures["Spearman"]).toBeGreaterThan(0.5);
    const told = await place.run("predict", "regression", "--sequence", `MKK${"A".repeat(90)}`, "--json", ...oneThread);
    expect(parseOnly(told.stdout)).toEqual({
      predictions: [{ id: expect.any(String), prediction: expect.any(Number) }],
    });
    expect(told.stderr).toMatch(/1 protein longer than maxSeqLen − 2 = 62 residues lost their ends/);
    expect(JSON.parse(readFileSync(place.path("regression", "config.json"), "utf8"))).toMatchObject({
      model: { architecture: "encoder", head: "regression", labelMean: expect.any(Number) },
      base: { run: "masked", task: "masked" },
    });
  });

  it.each([
    ["retention index", "finetune", ["masked", "--epochs", "20", ...quick]],
    ["kelvin", "train", [...tinyModel, ...oneThread, "--set", "steps=20"]],
  ] as const)(
    "measures labels far from zero, such as of a %s, in %s and eval as the predictions themselves say",
    async (which, verb, args) => {
      const [table, run] = [`${verb}.csv`, `${verb}-far`];
      place.write(table, farTable(which));
      const done = await place.run(verb, ...args, "--data", table, "--out", run, "--json");
      expect(done.code).toBe(0);
      const { evaluations } = parseOnly(done.stdout) as Numbers;
      const evaluated = parseOnly((await place.run("eval", run, ...oneThread, "--json")).stdout) as Figures;
      const wanted = ofPredictions(place.path(run, "predictions.csv"));
      for (const figures of [...evaluations, evaluated]) {
        expect(figures).toMatchObject({ task: "regression", split: "test", tokens: 18 });
        expect(Math.abs(figures.pearson)).toBeLessThanOrEqual(1);
        expect(figures.rSquared).toBeLessThanOrEqual(1);
        expect(Math.abs(figures.pearson - wanted.pearson)).toBeLessThan(TOLERANCE.batches);
        expect(Math.abs(figures.rSquared / wanted.rSquared - 1)).toBeLessThan(TOLERANCE.batches);
        expect(Math.abs(figures.meanSquaredError / wanted.meanSquaredError - 1)).toBeLessThan(TOLERANCE.batches);
        // Test labels lie half a deviation above those of training.
        expect(figures.mean.rSquared).toBeLessThan(-0.05);
        expect(figures.mean.rSquared).toBeCloseTo(1 - figures.mean.meanSquaredError / wanted.labelVariance, 9);
      }
      const [{ mean: baseline, measured: all } = { mean: undefined, measured: [] }] = evaluations;
      const told = [baseline?.meanSquaredError, baseline?.rSquared, null, null];
      expect(all.map((each) => each.baseline)).toEqual(told);
    },
  );

  it("scales labels far from zero by their mean, however many digits that needs", async () => {
    place.write("million.csv", farTable("a million and one"));
    const args = ["finetune", "masked", "--data", "million.csv", "--steps", "1", "--patience", "0", ...oneThread];
    expect((await place.run(...args, "--out", "million")).code).toBe(0);
    const { model } = JSON.parse(readFileSync(place.path("million", "config.json"), "utf8"));
    const labels = farTable("a million and one")
      .split("\n")
      .filter((line) => line.endsWith(",train"))
      .map((line) => Number(line.split(",")[2]));
    // Six digits of the deviation, which is near 1.
    expect(Math.abs(model.labelMean - mean(labels))).toBeLessThan(1e-5);
  });

  it("trains the output layer alone with --freeze, and leaves the rest to the bit", async () => {
    const args = ["finetune", "causal", "--data", "labels.csv", "--steps", "5", "--patience", "0", "--freeze"];
    const { code, stderr } = await place.run(...args, ...oneThread, "--out", "frozen");
    expect(code).toBe(0);
    expect(stderr).toMatch(/training 2 of \d+ arrays of weights, the others stay as they are, 5 steps$/m);
    const [before, after] = [
      (await PerformerForSequenceClassification.from_pretrained(place.path("causal"), { numLabels: 2 })).tensors,
      (await PerformerForSequenceClassification.from_pretrained(place.path("frozen"))).tensors,
    ];
    const changed = Object.keys(after).filter((name) => !isSame(before[name]?.data, after[name]?.data));
    expect(changed.toSorted()).toEqual(["classifier.bias", "classifier.weight"]);
  });

  it("interrupted by its steps and resumed by train --resume is, to the bit, the run that went on", async () => {
    const args = ["finetune", "masked", "--data", "labels.csv", "--set", "schedule=constant", "--freeze-layers", "1"];
    const settings = [...quick, "--patience", "0", "--set", "model.dropout=0.1"];
    const run = (steps: string, out: string) => place.run(...args, ...settings, "--steps", steps, "--out", out);
    expect((await Promise.all([run("6", "halves"), run("12", "whole")])).map(({ code }) => code)).toEqual([0, 0]);
    const rest = await place.run("train", "--resume", "halves", "--set", "training.steps=12", "--json");
    expect(rest.code).toBe(0);
    expect(parseOnly(rest.stdout)).toMatchObject({ step: 12, base: { run: "masked" } });
    for (const name of ["model.safetensors", "predictions.csv", "checkpoint-12/optimizer.safetensors"]) {
      expect(digestOfFile(place.path("halves", name)), name).toBe(digestOfFile(place.path("whole", name)));
    }
  });

  it("ends early, with the best weights, and does not go on from there", async () => {
    const args = ["finetune", "causal", "--data", "labels.csv", "--epochs", "500", "--patience", "2", ...quick];
    const { stdout } = await place.run(...args, "--set", "schedule=constant", "--out", "early", "--json");
    const { step } = parseOnly(stdout) as Told;
    const state = JSON.parse(readFileSync(place.path("early", `checkpoint-${step}`, "trainer_state.json"), "utf8"));
    expect(state.best).toMatchObject({ evaluationsSince: 2 });
    expect(state.best.step).toBeLessThan(step);
    const before = snapshot(place.path("early"));
    const further = await place.run("train", "--resume", "early", "--set", "training.steps=5000");
    expect(further.code).toBe(2);
    expect(further.stderr).toMatch(/would go on from the best weights/);
    expect(snapshot(place.path("early"))).toEqual(before);
  });

  it("refuses what cannot be learnt, with file, line and remedy, and writes nothing", async () => {
    const table = (...rows: readonly string[]) => ["sequence,label,split", ...rows].join("\n");
    const some = ["MKV,a,train", "MGG,b,train", "MAA,a,valid", "MCC,b,test"];
    place.write("missing.csv", table(...some, "MKL,,train"));
    place.write("one.csv", table(...some.map((row) => row.replace(",b,", ",a,"))));
    place.write("one-in-train.csv", table("MKV,a,train", "MGG,a,train", "MAA,b,test"));
    place.write("gap.csv", table(...some, "MK-L,a,train"));
    place.write("lower.csv", table(...some, "MKLv,a,train"));
    place.write("words.csv", table(...some));
    place.write("empty.csv", "");
    place.write("header.csv", "sequence,label\n");
    place.write("unheld.csv", table("MKV,a,train", "MGG,b,train"));
    const cases: readonly (readonly [args: readonly string[], code: number, message: RegExp])[] = [
      [
        ["missing.csv"],
        1,
        /missing\.csv, line 6, column label: a label must be there, got an empty cell; fill the cell/,
      ],
      [["one.csv"], 1, /all are the same, 'a'/],
      [["one.csv", "--task", "classification"], 1, /two classes or more, got 'a' in all 4 rows; add sequences/],
      [
        ["one-in-train.csv", "--task", "classification"],
        1,
        /split train: training labels must differ, got 'a' for all 2/,
      ],
      [["gap.csv"], 1, /gap\.csv, line 6.*"-" at position 3/],
      [["lower.csv"], 1, /lower\.csv, line 6.*"v" at position 4; write it in upper case/],
      [
        ["words.csv", "--task", "regression"],
        1,
        /line 2, column label: a value to learn must be a finite number, got "a"; .*--task classification/,
      ],
      [["words.csv", "--label-column", "lable"], 1, /there must be a column "lable", got .*--label-column "label"/],
      [["empty.csv"], 1, /empty\.csv: a table must hold at least one row/],
      [["header.csv"], 1, /header\.csv: a table must hold at least one row/],
      [["absent.csv"], 1, /absent\.csv/],
      [["unheld.csv", "--patience", "3"], 2, /--patience must come with validation sequences, got 3 and none/],
      [["words.csv", "--freeze", "--freeze-layers", "1"], 2, /--freeze and --freeze-layers must not come together/],
      [["words.csv", "--freeze-layers", "9"], 2, /freeze must be at most numLayers 2, got 9/],
      [["words.csv", "--epochs", "2", "--steps", "3"], 2, /--epochs and --steps must not come together/],
      [["words.csv", "--set", "model.numLayers=3"], 2, /model\.numLayers cannot be set: the body is that of the run/],
      [["words.csv", "--set", "data.splitBy=hash"], 2, /data\.splitBy cannot be set/],
      [["words.csv", "--set", "model.pooling=first"], 2, /pooling of architecture 'decoder' must be 'mean' or 'last'/],
      [["words.csv", "--learning-rate", "0"], 2, /It must be a number above 0/],
    ];
    const before = snapshot(place.folder);
    const results = await Promise.all(
      cases.map(([args]) => place.run("finetune", "causal", "--data", ...args, ...oneThread)),
    );
    for (const [index, [args, code, message]] of cases.entries()) {
      expect(results[index]?.stderr, args.join(" ")).toMatch(message);
      expect(results[index], args.join(" ")).toMatchObject({ code, stdout: "" });
      expect(results[index]?.stderr).not.toMatch(/^\s+at |defect/m);
    }
    expect(snapshot(place.folder)).toEqual(before);
  });
});

function isSame(a: ArrayLike<unknown> | undefined, b: ArrayLike<unknown> | undefined): boolean {
  return (
    a !== undefined && b !== undefined && a.length === b.length && Array.from(a).every((each, at) => each === b[at])
  );
}
