/** Claims and experiments as tasks: events, no output, plain results, and an orderly end. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as Plot from "@observablehq/plot";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { captureOutput, type Captured } from "../../../tests/cli/capture.ts";
import { ConfigError, problem } from "../../graph/errors.ts";
import { defineClaim, defineExperiment } from "../../lab/index.ts";
import type { TaskEvent } from "../../runs/events.ts";
import { UsageError } from "../../runs/usage.ts";
import { checkClaim, makeExperiment } from "./run.ts";

const figure = { label: "one", height: 100, plot: () => ({ marks: [Plot.dot([[1, 2]])] }) };

const claim = defineClaim({
  claim: "two-is-two",
  title: "Two is two.",
  published: "two is two",
  run: async ({ quick, onProgress }) => {
    for (const done of [1, 2]) onProgress(done, 2, "both");
    return { setting: { quick }, measured: { ratio: 1 }, holds: true, figure };
  },
});

const experiment = defineExperiment({
  experiment: "count",
  title: "Counts.",
  examples: [],
  options: [],
  run: async ({ to }, { onNote }) => {
    if (to === "x") throw new ConfigError(problem`--to must be a number`);
    onNote("begins");
    return { setting: {}, measured: { rows: 1 }, table: { header: ["name"], rows: [["a"]] }, figure };
  },
});

let folder = "";
let output: Captured;
const events: TaskEvent[] = [];
const onEvent = (event: TaskEvent) => void events.push(event);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "performer-lab-"));
  output = captureOutput();
  events.length = 0;
});

afterEach(() => {
  expect(output).toEqual({ stdout: "", stderr: "" });
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

test("a claim reports its progress, and returns what it writes", async () => {
  const { result, files } = await checkClaim(claim, { folder, quick: true }, { onEvent });
  expect(events.map(({ type }) => type)).toEqual(["progress", "progress", "progress-end"]);
  expect(events[0]).toMatchObject({ label: "lab two-is-two", done: 1, total: 2, fields: { measuring: "both" } });
  expect(JSON.parse(readFileSync(files.resultPath, "utf8"))).toEqual(result);
  expect(readdirSync(folder).toSorted()).toEqual(["figure.svg", "result.json"]);
});

test("a claim that is called off ends at its next step, and writes nothing", async () => {
  const controller = new AbortController();
  const context = { signal: controller.signal, onEvent: () => controller.abort() };
  await expect(checkClaim(claim, { folder }, context)).rejects.toBe(controller.signal.reason);
  expect(readdirSync(folder)).toEqual([]);
});

test("an experiment reports its notes, and returns its table beside what it writes", async () => {
  const { result, table, files } = await makeExperiment(experiment, {}, { folder }, { onEvent });
  expect(events).toEqual([{ type: "notice", text: "lab count: begins" }]);
  expect(result).toEqual({ experiment: "count", setting: {}, measured: { rows: 1 } });
  expect(table.rows).toEqual([["a"]]);
  expect(JSON.parse(readFileSync(files.resultPath, "utf8"))).toEqual(result);
});

test("an experiment's own options are refused as wrong usage", async () => {
  await expect(makeExperiment(experiment, { to: "x" }, { folder })).rejects.toThrow(UsageError);
});
