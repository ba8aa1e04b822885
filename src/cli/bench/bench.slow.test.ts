// `performer bench attention`: what it refuses, what it measures and what it prints.

import { describe, expect, it } from "vitest";

import { createBackend } from "#engine";
import { UsageError } from "../failures.ts";
import { median } from "../../lab/statistics.ts";
import { benchAttention, benchCases, benchMechanisms } from "./attention.ts";
import { benchCommand, formatAttentionBench } from "./command.ts";
import { measureInTurn } from "./measure.ts";
import { attentionBenchSettings } from "./settings.ts";

const options = {
  lengths: "128",
  mechanisms: "favor,favor-relu",
  rounds: 2,
  pass: "both",
  direction: "both",
  heads: 2,
  headDim: 5,
  features: 7,
  threads: 1,
  exact: true,
} as const;

describe("the settings", () => {
  it("takes lists, each entry once", () => {
    const { lengths, mechanisms, passes, directions } = attentionBenchSettings({ ...options, lengths: "128, 7,128" });
    expect(lengths).toEqual([128, 7]);
    expect(mechanisms).toEqual(["favor", "favor-relu"]);
    expect(passes).toEqual(["forward", "forward+backward"]);
    expect(directions).toEqual(["causal", "bidirectional"]);
  });

  it.each([
    ["a length that is no number", { lengths: "128,x" }, "--lengths must be whole numbers from 1 on"],
    ["a length of 0", { lengths: "0" }, "got '0'; write for example --lengths 4096,16384"],
    ["no length", { lengths: "" }, "got ''"],
    ["a misspelt mechanism", { mechanisms: "favour" }, "got 'favour'; did you mean 'favor'?"],
    ["an unknown mechanism", { mechanisms: "xyz" }, "got 'xyz'; leave the option out to measure favor"],
    ["exact attention as a mechanism", { mechanisms: "exact" }, "measured beside them unless --no-exact is given"],
  ])("refuses %s", (_case, changed, message) => {
    const read = () => attentionBenchSettings({ ...options, ...changed });
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message);
  });

  it.each([
    [["--rounds", "0"], "It must be a whole number from 1 on"],
    [["--heads", "two"], "It must be a whole number from 1 on"],
    [["--pass", "backward"], "Allowed choices are forward, forward+backward, both"],
    [["--direction", "left"], "Allowed choices are causal, bidirectional, both"],
    [["--round", "3"], "did you mean --rounds?"],
  ])("refuses %j on the command line", async (args, message) => {
    const said: string[] = [];
    const command = benchCommand();
    for (const each of [command, ...command.commands]) {
      each.configureOutput({ writeErr: (text) => said.push(text), writeOut: (text) => said.push(text) });
    }
    await expect(command.parseAsync(["attention", ...args], { from: "user" })).rejects.toThrow();
    expect(said.join("")).toContain("performer bench attention: ");
    expect(said.join("")).toContain(message);
  });
});

describe("measuring", () => {
  it("takes the middle value, between two of them their mean", () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([7, 1, 5, 3])).toBe(4);
    expect(median([])).toBeNaN();
  });

  it("runs everything in turn, and what has used up its budget once", async () => {
    const order: string[] = [];
    const contender = (name: string) => ({ name, run: () => Promise.resolve(order.push(name)) });
    const timings = await measureInTurn([contender("a"), { ...contender("b"), budgetMs: 0 }, contender("c")], 2);
    expect(order).toEqual(["a", "b", "c", "a", "c"]);
    expect(timings.get("a")).toHaveLength(2);
  });

  it("gives a row for every mechanism, direction and pass, with exact attention for forward only", async () => {
    const settings = attentionBenchSettings(options);
    const rounds: string[] = [];
    const result = await benchAttention(settings, createBackend({ threads: 1 }), (what) => rounds.push(what));
    expect(rounds).toHaveLength(benchCases(settings).length * options.rounds);
    expect(rounds[0]).toBe("causal forward, 128 tokens");
    expect(Object.keys(result)).toEqual(["machine", "gemm", "rows"]);
    expect(Object.keys(result.machine)).toEqual(["cpu", "cores", "threads", "node", "engine", "platform"]);
    expect(result.machine).toMatchObject({ threads: 1, node: process.versions.node });
    expect(result.gemm.gflops).toBeGreaterThan(0);
    expect(result.rows).toHaveLength(8);
    for (const row of result.rows) {
      const { medianMs, minMs, boundMs, ratioToBound, pass, exactMs, speedupOverExact } = row;
      expect(row.seqLen).toBe(128);
      expect(minMs).toBeGreaterThan(0);
      expect(medianMs).toBeGreaterThanOrEqual(minMs);
      expect(ratioToBound).toBeCloseTo(medianMs / boundMs, 10);
      expect(exactMs === undefined).toBe(pass === "forward+backward");
      if (exactMs !== undefined) expect(speedupOverExact).toBeCloseTo(exactMs / medianMs, 10);
    }
    expect(formatAttentionBench(result).split("\n")).toHaveLength(2 + 2 + result.rows.length);
  });

  it("gives a row for every feature map, each with as many features a token and beside positive ones", async () => {
    const asked = { ...options, mechanisms: "all", pass: "forward", exact: false, rounds: 1, features: 6 } as const;
    const { rows } = await benchAttention(attentionBenchSettings(asked), createBackend({ threads: 1 }));
    expect(rows.map(({ mechanism }) => mechanism)).toEqual([...benchMechanisms, ...benchMechanisms]);
    for (const row of rows) {
      expect(row.featuresPerToken).toBe(6);
      expect(row.ratioToPositive).toBeGreaterThan(0);
    }
  });

  it("measures lengths that no chunk divides, and leaves exact attention out when told to", async () => {
    const settings = attentionBenchSettings({ ...options, lengths: "131", rounds: 1, pass: "forward", exact: false });
    const { rows } = await benchAttention(settings, createBackend({ threads: 1 }));
    expect(rows).toHaveLength(4);
    expect(rows.every((row) => row.exactMs === undefined)).toBe(true);
  });
});
