/** Training as a task: it reports typed events, prints nothing, and ends in order when its signal is aborted. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, it, vi } from "vitest";

import { captureOutput } from "../../../tests/cli/capture.ts";
import type { TaskEvent } from "../../runs/events.ts";
import { prepareNewRun } from "../../runs/new-run.ts";
import { prepareResumedRun } from "../../runs/resume.ts";
import { runTraining } from "./train.ts";

const folder = mkdtempSync(join(tmpdir(), "performer-train-task-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Few and short ones, in all splits but ood.
const fasta = join(folder, "few.fasta");
writeFileSync(
  fasta,
  Array.from({ length: 97 }, (_, index) => `>p${index}\nMKV${"LAT".repeat(1 + (index % 5))}\n`).join(""),
);
const settings = [
  "steps=4",
  "evalInterval=2",
  "modelDim=8",
  "numLayers=1",
  "numHeads=1",
  "maxSeqLen=64",
  "tokensPerBatch=64",
];
const asked = { device: "cpu", threads: 1, fasta, splitBy: "hash", set: settings } as const;

let events: TaskEvent[] = [];
beforeEach(() => {
  events = [];
});
afterEach(() => void vi.restoreAllMocks());
const onEvent = (event: TaskEvent) => {
  events.push(event);
};
const typesOf = () => new Set(events.map(({ type }) => type));
const isStep = (event: TaskEvent) => event.type === "step";

it("reports steps, evaluations and checkpoints, returns the result, and prints nothing", async () => {
  const output = captureOutput();
  const run = await prepareNewRun(undefined, { ...asked, out: join(folder, "whole") }, onEvent);
  const result = await runTraining(run, { onEvent });
  expect(output.stdout + output.stderr).toBe("");
  expect(result).toMatchObject({ interrupted: false, step: 4, steps: 4, run: join(folder, "whole") });
  expect(result.evaluations.map(({ split }) => split)).toEqual(["test"]);
  expect(readFileSync(result.report ?? "", "utf8")).toContain("<html");
  expect(typesOf()).toEqual(new Set(["notice", "run", "step", "evaluation", "checkpoint", "progress", "progress-end"]));
  expect(events.filter(isStep).map((event) => event.type === "step" && event.step)).toEqual([1, 2, 3, 4]);
});

it("ends after the step in progress when it is aborted, and goes on from there", async () => {
  const out = join(folder, "aborted");
  const controller = new AbortController();
  const run = await prepareNewRun(undefined, { ...asked, out });
  const result = await runTraining(run, {
    signal: controller.signal,
    onEvent: (event) => {
      if (event.type === "step" && event.step === 2) controller.abort();
    },
  });
  expect(result).toMatchObject({ interrupted: true, step: 2, report: null, evaluations: [] });
  const resumed = await runTraining(await prepareResumedRun(out, {}), { onEvent });
  expect(resumed).toMatchObject({ interrupted: false, step: 4 });
  expect(events.filter(isStep)).toHaveLength(2);
});

it("leaves the report to a later run when it is aborted behind the last step", async () => {
  const out = join(folder, "unreported");
  const controller = new AbortController();
  const result = await runTraining(await prepareNewRun(undefined, { ...asked, out }), {
    signal: controller.signal,
    onEvent: (event) => {
      if (event.type === "progress" && event.label === "evaluate test") controller.abort();
    },
  });
  expect(result).toMatchObject({ interrupted: true, step: 4, report: null });
  expect(existsSync(join(out, "report.html"))).toBe(false);
  const { report } = await runTraining(await prepareResumedRun(out, {}), { onEvent });
  expect(existsSync(report ?? "")).toBe(true);
  expect(events.filter(isStep)).toHaveLength(0);
});
