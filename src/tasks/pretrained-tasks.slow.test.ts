/**
 * Tasks on a pretrained model: they report events, print nothing, return what is plain JSON, and end when their signal
 * is aborted.
 */

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";

import { captureOutput } from "../../tests/cli/capture.ts";
import { goldenFolder } from "../../tests/convert/golden.ts";
import { startPushServer, TOKEN } from "../../tests/convert/push-server.ts";
import type { TaskContext, TaskEvent } from "../runs/events.ts";
import { explainAttention } from "./attention/explain.ts";
import { convertToLinear } from "./convert/convert.ts";
import { distillStudent } from "./distill/distill.ts";
import { exportToOnnx } from "./export/export.ts";
import { pushToHub } from "./push/push.ts";

const place = mkdtempSync(join(tmpdir(), "performer-tasks-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));
const at = (name: string) => join(place, name);

const bert = goldenFolder("bert");
const engine = { device: "cpu", threads: 1 } as const;
const linear = { ...engine, mechanism: "favor", features: 5, diagnosis: false, text: ["a man"], seed: 0 } as const;
const learning = { ...engine, teacher: bert, data: at("food.txt"), batch: 128, evalInterval: 5, seed: 0 } as const;

/** Paragraphs of words that the tiny tokenizer knows, no two alike. */
function paragraphs(): string {
  const words = "the man woman is eating food bread a with".split(" ");
  const sentence = (seed: number) =>
    Array.from({ length: 5 + (seed % 4) }, (_, place) => words[(seed * 7 + place * (1 + (seed % 5))) % 9]).join(" ");
  return Array.from({ length: 90 }, (_, row) => `${sentence(row)}. ${sentence(row + 31)}.`).join("\n\n");
}

let events: TaskEvent[] = [];
const onEvent = (event: TaskEvent) => void events.push(event);
const labels = () => new Set(events.flatMap((event) => (event.type === "progress-end" ? [event.label] : [])));

/** Is aborted by the first event of which that holds. */
function abortedAt(holds: (event: TaskEvent) => boolean): TaskContext {
  const controller = new AbortController();
  const listen = (event: TaskEvent) => {
    onEvent(event);
    if (holds(event)) controller.abort();
  };
  return { signal: controller.signal, onEvent: listen };
}

beforeAll(async () => {
  writeFileSync(at("food.txt"), paragraphs());
  await convertToLinear(bert, { ...linear, out: at("student") });
});
beforeEach(() => {
  events = [];
});
afterEach(() => void vi.restoreAllMocks());

it("convert, export, push and attention report what they do, and print nothing", async () => {
  const output = captureOutput();
  const converted = await convertToLinear(bert, { ...linear, diagnosis: true, out: at("diagnosed") }, { onEvent });
  expect(labels()).toEqual(new Set(["compare vectors", "diagnose"]));
  expect(converted.result).toMatchObject({ mechanism: "favor", vectors: { count: 1 }, report: { sequences: 1 } });
  const exported = await exportToOnnx(at("student"), { dtype: "float32", out: at("onnx") }, { onEvent });
  expect(readdirSync(at("onnx"))).toEqual(expect.arrayContaining(["onnx", "config.json"]));
  const pushed = await pushToHub(at("student"), "me/student", { message: "First", dryRun: true }, { onEvent });
  expect(pushed.files.map(({ path }) => path)).toContain("README.md");
  const shown = {
    text: "the man is eating",
    beside: bert,
    similarity: false,
    seed: 0,
    out: at("attention"),
    ...engine,
  };
  const explained = await explainAttention(at("student"), shown, { onEvent });
  expect(explained.files.every((file) => existsSync(file))).toBe(true);
  for (const result of [converted.result, exported.result, pushed, explained]) {
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  }
  expect(output.stdout + output.stderr).toBe("");
});

it("distill writes the best weights so far when it is aborted while it learns", async () => {
  const output = captureOutput();
  const context = abortedAt((event) => event.type === "progress" && event.label === "distill model");
  const result = await distillStudent(
    at("student"),
    { ...learning, steps: 100_000, layerSteps: 2, out: at("stopped") },
    context,
  );
  expect(result).toMatchObject({ interrupted: true, steps: { layers: 2, model: 1 }, test: { after: null } });
  expect(readdirSync(at("stopped"))).toContain("model.safetensors");
  expect(events.flatMap((event) => (event.type === "phase" ? [event.name] : []))).toEqual(["learn", "measure"]);
  expect(labels()).toEqual(new Set(["embed, teacher", "embed, before", "distill layers", "distill model"]));
  expect(output.stdout + output.stderr).toBe("");
});

it("distill ends without a folder when it is aborted before it learns, and convert before it writes", async () => {
  const early = abortedAt((event) => event.type === "progress" && event.label === "embed, before");
  const learnt = distillStudent(at("student"), { ...learning, steps: 5, layerSteps: 0, out: at("early") }, early);
  await expect(learnt).rejects.toMatchObject({ name: "AbortError" });
  const late = abortedAt((event) => event.type === "progress-end" && event.label === "compare vectors");
  const converted = convertToLinear(bert, { ...linear, out: at("late") }, late);
  await expect(converted).rejects.toMatchObject({ name: "AbortError" });
  expect([existsSync(at("early")), existsSync(at("late"))]).toEqual([false, false]);
});

it("push leaves the hub without a commit when it is aborted while it uploads", async () => {
  await using server = await startPushServer("me");
  vi.stubEnv("HF_ENDPOINT", server.endpoint);
  try {
    const context = abortedAt((event) => event.type === "progress" && event.label === "upload");
    const pushed = pushToHub(at("student"), "me/student", { message: "First", token: TOKEN }, context);
    await expect(pushed).rejects.toMatchObject({ name: "AbortError" });
    expect(server.titles).toEqual([]);
  } finally {
    vi.unstubAllEnvs();
  }
});
