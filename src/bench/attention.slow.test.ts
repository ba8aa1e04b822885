/** `performer bench attention` on tiny sizes: the order of measuring, the rows, and what is printed. */

import { describe, expect, it } from "vitest";

import { median } from "../statistics/index.ts";
import { benchAttention, benchCases } from "./attention.ts";
import { formatAttentionBench } from "./tables.ts";
import { benchMechanisms } from "./favor.ts";
import { attentionOptions } from "../../tests/cli/bench-options.ts";
import type { OnEvent } from "../runs/events.ts";
import { measureInTurn } from "./measure.ts";
import { attentionBenchSettings } from "./settings.ts";

const options = { ...attentionOptions, peers: "engine" } as const;

const measure = (changed: Partial<Parameters<typeof attentionBenchSettings>[0]>, onEvent?: OnEvent) =>
  benchAttention(attentionBenchSettings({ ...options, ...changed }), onEvent && { onEvent });

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
    expect(timings.get("b")).toHaveLength(1);
  });

  it("takes the word of what times itself, and the first of several runs with a budget as warm-up", async () => {
    const times = [100, 3, 5];
    const timedRun = () => Promise.resolve(times.shift() ?? 0);
    const run = () => Promise.resolve();
    const timings = await measureInTurn([{ name: "a", run, timedRun, budgetMs: 1000 }], 3);
    expect(timings.get("a")).toEqual([3, 5]);
  });

  it("gives a row for every mechanism and rival, direction and pass", async () => {
    const rounds: unknown[] = [];
    const result = await measure({}, (event) => {
      if (event.type === "progress") rounds.push(event.fields?.["measuring"]);
    });
    expect(rounds).toHaveLength(benchCases(attentionBenchSettings(options)).length * options.rounds);
    expect(rounds[0]).toBe("causal forward, 128 tokens");
    expect(Object.keys(result)).toEqual(["machine", "gemm", "rows", "scaling", "skipped"]);
    expect(Object.keys(result.machine)).toEqual(["cpu", "cores", "threads", "node", "engine", "platform"]);
    expect(result.machine).toMatchObject({ threads: 1, node: process.versions.node });
    expect(result.gemm.gflops).toBeGreaterThan(0);
    const names = (pass: string, causal: boolean) =>
      result.rows.filter((row) => row.pass === pass && row.causal === causal).map(({ mechanism }) => mechanism);
    expect(names("forward", true)).toEqual(["favor", "favor-relu", "linear-attention op", "exact (fused)"]);
    expect(names("forward", false)).toEqual(["favor", "favor-relu", "exact (fused)"]);
    for (const causal of [true, false]) {
      expect(names("forward+backward", causal)).toEqual(["favor", "favor-relu", "exact", "exact (in chunks)"]);
    }
    for (const row of result.rows) {
      const { medianMs, minMs, boundMs, ratioToBound, exactMs, speedupOverExact } = row;
      expect(row.seqLen).toBe(128);
      expect(minMs).toBeGreaterThan(0);
      expect(medianMs).toBeGreaterThanOrEqual(minMs);
      expect(ratioToBound).toBeCloseTo(medianMs / boundMs, 10);
      const rivals = result.rows.filter(
        ({ mechanism, pass, causal }) => mechanism.startsWith("exact") && pass === row.pass && causal === row.causal,
      );
      const isOurs = row.mechanism.startsWith("favor");
      expect(row.featuresPerToken).toBe(isOurs ? 7 : undefined);
      expect(exactMs).toBe(isOurs ? Math.min(...rivals.map((rival) => rival.medianMs)) : undefined);
      if (exactMs !== undefined) expect(speedupOverExact).toBeCloseTo(exactMs / medianMs, 10);
    }
    expect(result.scaling).toEqual([]);
    expect(formatAttentionBench(result).split("\n")).toHaveLength(2 + 2 + result.rows.length);
  });

  it("gives a row for every feature map, each with as many features a token and beside positive ones", async () => {
    const asked = { mechanisms: "all", pass: "forward", exact: false, peers: "none", rounds: 1, features: 6 } as const;
    const { rows } = await measure(asked);
    expect(rows.map(({ mechanism }) => mechanism)).toEqual([...benchMechanisms, ...benchMechanisms]);
    for (const row of rows) {
      expect(row.featuresPerToken).toBe(6);
      expect(row.ratioToPositive).toBeGreaterThan(0);
    }
  });

  it("measures one token and lengths that no chunk divides, leaves exact attention out when told to, and fits", async () => {
    const result = await measure({ lengths: "1,67,131", rounds: 1, exact: false, mechanisms: "favor", peers: "none" });
    expect(result.rows).toHaveLength(3 * 2 * 2);
    expect(result.rows.every((row) => row.exactMs === undefined)).toBe(true);
    expect(result.scaling.map(({ mechanism, from, to }) => ({ mechanism, from, to }))).toEqual(
      Array.from({ length: 4 }, () => ({ mechanism: "favor", from: 1, to: 131 })),
    );
    expect(formatAttentionBench(result)).toContain("time grows as");
  });

  it("tells each peer that is absent once, and goes on", async () => {
    const said: string[] = [];
    const { rows, skipped } = await measure(
      { lengths: "7", rounds: 1, pass: "forward", peers: "python", python: "no-such-python-program" },
      (event) => {
        if (event.type === "notice") said.push(event.text);
      },
    );
    const reason = "no Python with torch ('no-such-python-program'); give one with --python";
    expect(said).toEqual([`bench attention: python is skipped: ${reason}`]);
    expect(skipped).toEqual([{ peer: "python", reason }]);
    expect(rows.length).toBeGreaterThan(0);
  });
});
