/** What `performer bench` refuses, and the sums it does: nothing here measures. */

import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";

import { attentionOptions } from "../../tests/cli/bench-options.ts";
import { UsageError } from "../runs/usage.ts";
import { refusal } from "./available-memory.ts";
import { benchCommand } from "../cli/bench/command.ts";
import { attentionCurves, memoryCurves, modelCurves } from "./curves.ts";
import { matrixBytes } from "./exact.ts";
import { parseThreads } from "./options.ts";
import { leastAttentionBytes } from "./memory-subjects.ts";
import { leastModelBytes } from "./model-graphs.ts";
import { tfjsFrom } from "./peers/tfjs.ts";
import { loadPython, longestInPython } from "./peers/python.ts";
import { fitScaling } from "./scaling.ts";
import { attentionBenchSettings, modelBenchSettings } from "./settings.ts";

const model = {
  model: "regular,small",
  lengths: "1,7",
  mechanisms: "favor,X,exact",
  pass: "both",
  direction: "causal",
  features: 11,
  rounds: 1,
  threads: 1,
} as const;

describe("the settings of bench attention", () => {
  it("takes lists, each entry once", () => {
    const { lengths, mechanisms, passes, directions } = attentionBenchSettings({
      ...attentionOptions,
      lengths: "128, 7,128",
    });
    expect(lengths).toEqual([128, 7]);
    expect(mechanisms).toEqual(["favor", "favor-relu"]);
    expect(passes).toEqual(["forward", "forward+backward"]);
    expect(directions).toEqual(["causal", "bidirectional"]);
  });

  it.each([
    ["none", { engineOp: false, peers: [] }],
    ["all", { engineOp: true, peers: ["tfjs", "python"] }],
    ["all,wasm", { engineOp: true, peers: ["tfjs", "python", "wasm"] }],
    ["wasm", { engineOp: false, peers: ["wasm"] }],
    ["engine, python", { engineOp: true, peers: ["python"] }],
  ])("takes the peers '%s'", (peers, expected) => {
    expect(attentionBenchSettings({ ...attentionOptions, peers })).toMatchObject(expected);
  });

  it.each([
    ["a length that is no number", { lengths: "128,x" }, "--lengths must be whole numbers from 1 on"],
    ["a length of 0", { lengths: "0" }, "got '0'; write for example --lengths 4096,16384"],
    ["no length", { lengths: "" }, "got ''"],
    ["a misspelt mechanism", { mechanisms: "favour" }, "got 'favour'; did you mean 'favor'?"],
    ["an unknown mechanism", { mechanisms: "xyz" }, "got 'xyz'; leave the option out to measure favor"],
    ["exact attention as a mechanism", { mechanisms: "exact" }, "measured beside them unless --no-exact is given"],
    ["a misspelt peer", { peers: "pyton" }, "got 'pyton'; did you mean 'python'?"],
    ["an unknown peer", { peers: "none,abacus" }, "--peers must be 'all', 'none' or among engine, tfjs, python, wasm"],
    ["more threads than cores", { threads: 1024 }, "--threads must be at most"],
  ])("refuses %s", (_case, changed, message) => {
    const read = () => attentionBenchSettings({ ...attentionOptions, ...changed });
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message);
  });
});

it("all cores are the default of --threads", () => {
  expect(parseThreads(undefined)).toBe(availableParallelism());
  expect(parseThreads(1)).toBe(1);
});

describe("the settings of bench model", () => {
  it("takes the paper's two models, and X is measured without being named", () => {
    const { models, lengths, mechanisms } = modelBenchSettings(model);
    expect(models).toEqual(["regular", "small"]);
    expect(lengths).toEqual([1, 7]);
    expect(mechanisms).toEqual(["favor", "exact"]);
  });

  it.each([
    ["an unknown model", { model: "large" }, "--model must be among regular, small, got 'large'"],
    ["a misspelt mechanism", { mechanisms: "exat" }, "got 'exat'; did you mean 'exact'?"],
    ["a length of 0", { lengths: "0" }, "got '0'; write for example --lengths 1024,4096"],
    ["more threads than cores", { threads: 1024 }, "--threads must be at most"],
  ])("refuses %s", (_case, changed, message) => {
    const read = () => modelBenchSettings({ ...model, ...changed });
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message);
  });
});

it.each([
  [["attention", "--rounds", "0"], "It must be a whole number from 1 on"],
  [["attention", "--heads", "two"], "It must be a whole number from 1 on"],
  [["attention", "--pass", "backward"], "Allowed choices are forward, forward+backward, both"],
  [["attention", "--direction", "left"], "Allowed choices are causal, bidirectional, both"],
  [["attention", "--round", "3"], "did you mean --rounds?"],
  [["attention", "--device", "abacus"], "unknown option '--device'"],
  [["model", "--pass", "backward"], "Allowed choices are forward, forward+backward, both"],
  [["memory", "--features", "0"], "It must be a whole number from 1 on"],
  [["decode", "--tokens", "0"], "It must be a whole number from 1 on"],
  [["all", "--treads", "1"], "did you mean --threads?"],
])("refuses %j on the command line", async (args, message) => {
  const said: string[] = [];
  const command = benchCommand();
  for (const each of [command, ...command.commands]) {
    each.configureOutput({ writeErr: (text) => said.push(text), writeOut: (text) => said.push(text) });
  }
  await expect(command.parseAsync(args, { from: "user" })).rejects.toThrow();
  expect(said.join("")).toContain(`performer bench ${args[0]}: `);
  expect(said.join("")).toContain(message);
});

it.each(["attention", "train", "model", "decode", "memory", "all"])("bench %s shows examples in its help", (name) => {
  const command = benchCommand().commands.find((each) => each.name() === name);
  let help = "";
  command?.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  expect(help).toContain(`Examples:\n  performer bench ${name}`);
  expect(help).toContain("--json");
});

describe("memory that does not suffice", () => {
  const each = { numHeads: 8, headDim: 64, numFeatures: 256, seqLen: 65536, causal: true, pass: "forward" } as const;

  it("is said before anything starts, with what is needed and what is free", () => {
    expect(refusal("exact, 65536 tokens", 130 * 2 ** 30, 2 ** 30)).toEqual({
      what: "exact, 65536 tokens",
      reason: "needs at least 130.0 GiB of memory, and 1.0 GiB are free",
    });
    expect(refusal("favor", 2 ** 30, 2 ** 30)).toBeUndefined();
  });

  it("grows with the square of the length for exact attention, and linearly for FAVOR+", () => {
    const grows = (subject: string) =>
      leastAttentionBytes(subject, { ...each, seqLen: 2 * each.seqLen }) / leastAttentionBytes(subject, each);
    expect(grows("favor")).toBe(2);
    expect(grows("exact (fused)")).toBeCloseTo(4, 1);
    expect(leastAttentionBytes("exact (fused)", each)).toBeGreaterThan(4 * 8 * 65536 ** 2);
    expect(matrixBytes("exact", each)).toBeGreaterThan(3 * matrixBytes("exact (fused)", each));
    expect(matrixBytes("exact (in chunks)", each)).toBe(0);
  });

  it("of a model counts every layer's weights of exact attention once gradients need them", () => {
    const config = { vocabSize: 29, numLayers: 3, modelDim: 8, numHeads: 2, maxSeqLen: 1000 };
    const need = (subject: string, pass: "forward" | "forward+backward") =>
      leastModelBytes({ subject, model: config, causal: true, seqLen: 1000, pass });
    const matrix = 4 * 1000 ** 2;
    const masks = 3 * matrix;
    expect(need("exact", "forward") - need("X", "forward")).toBe(2 * 2 * matrix + masks);
    expect(need("exact", "forward+backward") - need("X", "forward+backward")).toBe(3 * 1.5 * 2 * matrix + masks);
  });
});

describe("the exponent of the time", () => {
  const rows = (mechanism: string, causal: boolean, exponent: number, lengths: readonly number[]) =>
    lengths.map((seqLen) => ({ mechanism, causal, pass: "forward", seqLen, medianMs: 3 * seqLen ** exponent }));

  it("is the slope in logarithms, one for each mechanism, direction and pass", () => {
    const fits = fitScaling([...rows("favor", true, 1, [13, 29, 101]), ...rows("favor", false, 2, [7, 101, 13])]);
    expect(fits).toHaveLength(2);
    expect(fits[0]).toMatchObject({ mechanism: "favor", causal: true, pass: "forward", from: 13, to: 101 });
    expect(fits[0]?.exponent).toBeCloseTo(1, 10);
    expect(fits[1]?.exponent).toBeCloseTo(2, 10);
    expect(fits[1]).toMatchObject({ from: 7, to: 101 });
  });

  it("is the best fit where the points lie on no line", () => {
    const [fit] = fitScaling(
      [1, 8, 4].map((medianMs, index) => ({ mechanism: "m", causal: true, pass: "p", seqLen: 2 ** index, medianMs })),
    );
    // Through (0, 0), (1, 3), (2, 2) in powers of two.
    expect(fit?.exponent).toBeCloseTo(1, 10);
  });

  it("is not told below three lengths", () => {
    expect(fitScaling(rows("favor", true, 1, [13, 29]))).toEqual([]);
  });
});

describe("a peer that is absent", () => {
  it("is skipped with what would install it: TensorFlow.js", async () => {
    const nowhere = new URL("file:///nowhere/at/all/package.json").href;
    expect(await tfjsFrom([nowhere])).toEqual({
      reason: "not installed; npm install --no-save @tensorflow/tfjs @tensorflow/tfjs-backend-wasm",
    });
  });

  it("is skipped with the option that names another: Python", async () => {
    const python = "no-such-python-program";
    expect(await loadPython({ threads: 1, python })).toEqual({
      reason: `no Python with torch ('${python}'); give one with --python`,
    });
  });
});

it("what would take minutes in Python is left out", () => {
  const forward = { causal: true, pass: "forward" } as const;
  expect(longestInPython("performer-pytorch", forward)).toBe(16384);
  expect(longestInPython("performer-pytorch", { ...forward, pass: "forward+backward" })).toBe(4096);
  expect(longestInPython("performer-pytorch", { ...forward, causal: false })).toBe(Number.POSITIVE_INFINITY);
  expect(longestInPython("torch scaled_dot_product_attention", forward)).toBe(16384);
});

it("curves have a panel for each direction and pass, memory in MiB beside time", () => {
  const row = { mechanism: "favor", causal: true, seqLen: 13, pass: "forward", medianMs: 7, minMs: 5 } as const;
  const bounds = { boundMs: 3, ratioToBound: 7 / 3, loopBoundMs: 3, ratioToLoopBound: 7 / 3 };
  expect(attentionCurves([{ ...row, ...bounds, featuresPerToken: 11 }])).toEqual([
    { series: "favor", column: "causal", row: "forward, ms", tokens: 13, value: 7 },
    { series: "matrix products alone", column: "causal", row: "forward, ms", tokens: 13, value: 3 },
  ]);
  expect(memoryCurves([{ ...row, peakBytes: 3 * 2 ** 20 }])).toEqual([
    { series: "favor", column: "causal", row: "forward, MiB", tokens: 13, value: 3 },
  ]);
  const ofModel = { ...row, model: "small", ratioToX: 1, peakBytes: 2 ** 21, peakRatioToX: 1 } as const;
  expect(modelCurves([ofModel]).map(({ column, value }) => ({ column, value }))).toEqual([
    { column: "time, ms", value: 7 },
    { column: "peak memory, MiB", value: 2 },
  ]);
});
