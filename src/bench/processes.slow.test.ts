/**
 * Benchmarks that measure in processes of their own, on tiny sizes: rows, refusals, and what a child that fails says.
 */

import { readFileSync, readdirSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";

import { createWorkplace, oneThread, parseOnly } from "../../tests/e2e/cli.ts";
import type { OnEvent } from "../runs/events.ts";
import { startChild } from "./child/start.ts";
import { benchMemory } from "./memory.ts";
import { benchModel } from "./model.ts";

const worker = new URL("../../dist/bench/child/worker.js", import.meta.url);

const memory = {
  lengths: [13, 29],
  mechanisms: ["favor"],
  passes: ["forward", "forward+backward"],
  directions: ["causal"],
  exact: true,
  numHeads: 2,
  headDim: 5,
  numFeatures: 7,
  threads: 1,
} as const;

const model = {
  models: ["small"],
  lengths: [17],
  mechanisms: ["favor", "exact"],
  passes: ["forward", "forward+backward"],
  directions: ["causal", "bidirectional"],
  numFeatures: 7,
  rounds: 2,
  threads: 1,
} as const;

/** Keeps what is said to be measured, of every event of progress. */
function fieldsInto(said: unknown[]): OnEvent {
  return (event) => {
    if (event.type === "progress") said.push(...Object.values(event.fields ?? {}));
  };
}

describe("bench memory", () => {
  it("gives the peak of a process a row, exact attention by what each pass has", async () => {
    const seen: string[] = [];
    const onEvent = fieldsInto(seen);
    const { rows, skipped } = await benchMemory(memory, { onEvent }, { worker });
    expect(rows.map(({ mechanism, pass, seqLen }) => [mechanism, pass, seqLen])).toEqual([
      ["favor", "forward", 13],
      ["favor", "forward", 29],
      ["exact (fused)", "forward", 13],
      ["exact (fused)", "forward", 29],
      ["favor", "forward+backward", 13],
      ["favor", "forward+backward", 29],
      ["favor, in parts", "forward+backward", 13],
      ["favor, in parts", "forward+backward", 29],
      ["exact", "forward+backward", 13],
      ["exact", "forward+backward", 29],
    ]);
    expect(Object.keys(rows[0] ?? {})).toEqual(["mechanism", "causal", "seqLen", "pass", "peakBytes"]);
    for (const { peakBytes } of rows) expect(peakBytes).toBeGreaterThan(2 ** 24);
    expect(seen[0]).toBe("favor, causal forward, 13 tokens");
    expect(skipped).toEqual([]);
  });

  it("does not see the memory of the process that measures", async () => {
    const large = new Float64Array(2 ** 26).fill(1); // 512 MiB
    const { rows } = await benchMemory({ ...memory, lengths: [13], passes: ["forward"], exact: false }, {}, { worker });
    expect(rows[0]?.peakBytes).toBeLessThan(large.byteLength);
  });

  it("refuses what cannot fit before it starts", async () => {
    const said: string[] = [];
    const { rows, skipped } = await benchMemory(
      { ...memory, lengths: [65536], passes: ["forward"] },
      { onEvent: (event) => void (event.type === "notice" && said.push(event.text)) },
      { worker, available: () => 2 ** 20 },
    );
    expect(rows).toEqual([]);
    expect(skipped).toHaveLength(2);
    expect(said[1]).toBe(
      "bench memory: exact (fused), causal forward, 65536 tokens is skipped: needs at least 41.6 GiB of memory, and 0.0 GiB are free",
    );
  });
});

describe("bench model", () => {
  it("gives a row for X and every mechanism, beside X in time and memory", async () => {
    const rounds: string[] = [];
    const onEvent = fieldsInto(rounds);
    const { rows, skipped } = await benchModel(model, { onEvent }, { worker });
    expect(rounds).toHaveLength(2 * 2 * model.rounds);
    expect(rounds[0]).toBe("small, causal forward, 17 tokens");
    expect(rows.map(({ mechanism }) => mechanism)).toEqual(
      Array.from({ length: 4 }, () => ["X", "favor", "exact"]).flat(),
    );
    for (const [index, row] of rows.entries()) {
      const free = rows[index - (index % 3)];
      expect(row.model).toBe("small");
      expect(row.medianMs).toBeGreaterThanOrEqual(row.minMs);
      expect(row.ratioToX).toBeCloseTo(row.medianMs / (free?.medianMs ?? 0), 10);
      expect(row.peakRatioToX).toBeCloseTo(row.peakBytes / (free?.peakBytes ?? 0), 10);
    }
    expect(skipped).toEqual([]);
  });

  it("leaves out what does not fit, and without X the whole comparison", async () => {
    const long = { ...model, lengths: [4096], passes: ["forward+backward"], directions: ["causal"] } as const;
    // X and FAVOR+ may start; exact attention's six layers of [1, 4096, 4096] do not fit.
    const some = await benchModel(
      { ...long, mechanisms: ["exact"], rounds: 1 },
      {},
      { worker, available: () => 2 ** 28 },
    );
    expect(some.rows.map(({ mechanism }) => mechanism)).toEqual(["X"]);
    expect(some.skipped).toHaveLength(1);
    expect(some.skipped[0]?.what).toBe("exact, small, causal forward+backward, 4096 tokens");
    const none = await benchModel(long, {}, { worker, available: () => 1 });
    expect(none.rows).toEqual([]);
    expect(none.skipped).toHaveLength(1);
  });
});

it("a child that cannot go on says why", async () => {
  const job = { ...model, kind: "model", subject: "abacus", seqLen: 17, pass: "forward", causal: true } as const;
  await expect(startChild({ ...job, model: { vocabSize: 29 } }, worker)).rejects.toThrow(
    /the measuring process could not go on: bench model: a mechanism must be .* or X, got 'abacus'/,
  );
});

it("a child that the system ends is told with what to do", async () => {
  using place = createWorkplace();
  place.write("worker.mjs", 'process.on("message", () => process.kill(process.pid, "SIGKILL"));');
  const job = { ...model, kind: "model", subject: "X", seqLen: 17, pass: "forward", causal: true } as const;
  const started = startChild({ ...job, model: { vocabSize: 29 } }, pathToFileURL(place.path("worker.mjs")));
  await expect(started).rejects.toThrow(
    /got SIGKILL, as the system does when memory runs out; measure shorter lengths/,
  );
});

it("bench all writes results, figures and tables into a folder", async () => {
  using place = createWorkplace();
  const { code, stdout, stderr } = await place.run(
    "bench",
    "all",
    "--quick",
    "--out",
    "figures",
    "--json",
    ...oneThread,
  );
  expect(stderr).not.toContain("skipped");
  expect(code).toBe(0);
  const names = ["attention", "model", "memory", "train", "decode", "data"];
  const results = parseOnly(stdout) as Readonly<Record<string, unknown>>; // one result by name
  expect(Object.keys(results)).toEqual(names);
  expect(readdirSync(place.path("figures")).toSorted()).toEqual(
    [...names.map((name) => `${name}.json`), "attention.svg", "memory.svg", "model.svg", "tables.txt"].toSorted(),
  );
  for (const name of names) {
    expect(parseOnly(readFileSync(place.path("figures", `${name}.json`), "utf8"))).toEqual(results[name]);
  }
  const picture = readFileSync(place.path("figures", "model.svg"), "utf8");
  expect(picture).toContain('xmlns="http://www.w3.org/2000/svg"');
  expect(picture).toContain("╌ X");
  expect(readFileSync(place.path("figures", "tables.txt"), "utf8")).toContain("bench memory\n\n");
});
