/**
 * Distillation of tiny models: the student comes nearer, keeps its best weights, and is refused where it is no student
 * of its teacher.
 */

import { describe, expect, it } from "vitest";

import { createBackend } from "#engine";
import { convertModel, distillModel, type DistillOptions } from "../../src/convert/index.ts";
import type { ModelOptions } from "../../src/model/config.ts";
import { createRandom } from "../../src/random/index.ts";
import { tinyConfig, tinyTensors } from "../model/harness.ts";

const backend = createBackend({ threads: 1 });
const encoder: Partial<ModelOptions> = {
  architecture: "encoder",
  head: "none",
  normPlacement: "post",
  positions: "learned",
};

function texts(count: number, seed: number): readonly Int32Array[] {
  const random = createRandom(seed, "texts");
  return Array.from({ length: count }, () =>
    Int32Array.from({ length: 3 + random.integer(13) }, () => 1 + random.integer(10)),
  );
}

function pairOf(kind: Partial<ModelOptions>) {
  const config = tinyConfig({ mechanism: "exact", ...kind });
  const teacher = { config, tensors: tinyTensors(config) };
  return { teacher, student: convertModel(teacher, { mechanism: "favor", numFeatures: 5, seed: 1 }) };
}

const quick = {
  tokenIds: texts(60, 1),
  heldOut: texts(20, 2),
  tokensPerBatch: 128,
  learningRate: 3e-3,
  evalInterval: 10,
  backend,
} satisfies Partial<DistillOptions>;

describe("distillModel", () => {
  it.each([
    ["an encoder by its vectors", encoder],
    ["a decoder by its next tokens", {}],
  ])("brings %s nearer to its teacher, and leaves embeddings and projections alone", async (_kind, kind) => {
    const { teacher, student } = pairOf(kind);
    const seen: number[] = [];
    const { tensors, before, after, steps, interrupted } = await distillModel({
      ...quick,
      teacher,
      student,
      steps: { layers: 20, model: 60 },
      onEvaluation: (_stage, step, distance) => void seen.push(step, distance),
    });
    expect({ steps: steps.layers + steps.model <= 80, interrupted }).toEqual({ steps: true, interrupted: false });
    expect(after).toBeLessThan(0.8 * before);
    expect(seen).toContain(after);
    for (const [name, tensor] of Object.entries(student.tensors)) {
      const isTrained = name.startsWith("blocks.") && !name.endsWith(".projection");
      if (!isTrained) expect(tensors[name]?.data, name).toEqual(tensor.data);
    }
    expect(tensors["blocks.0.attention.query.weight"]?.data).not.toEqual(
      student.tensors["blocks.0.attention.query.weight"]?.data,
    );
    // What is given stays as it is.
    expect(student.tensors["blocks.0.attention.query.weight"]).toBe(teacher.tensors["blocks.0.attention.query.weight"]);
  });

  it("changes queries and keys alone where that is asked for, the same with the same seed", async () => {
    const { teacher, student } = pairOf(encoder);
    const once = () =>
      distillModel({ ...quick, teacher, student, part: "queries-keys", steps: { model: 10 }, seed: 3 });
    const [first, second] = [await once(), await once()];
    expect(second).toEqual(first);
    const changed = Object.keys(student.tensors).filter(
      (name) => first.tensors[name]?.data !== student.tensors[name]?.data,
    );
    const moved = changed.filter((name) => String(first.tensors[name]?.data) !== String(student.tensors[name]?.data));
    expect(moved.length).toBeGreaterThan(0);
    for (const name of moved) expect(name).toMatch(/attention\.(query|key)\./);
  });

  it("keeps what it began with where training leads away", async () => {
    const { teacher, student } = pairOf(encoder);
    const away = await distillModel({ ...quick, teacher, student, learningRate: 10, steps: { model: 10 } });
    expect(away.after).toBe(away.before);
    expect(away.tensors).toBe(student.tensors);
  });

  it("ends by a signal with the best weights so far", async () => {
    const { teacher, student } = pairOf(encoder);
    const controller = new AbortController();
    const { after, before, steps, interrupted, tensors } = await distillModel({
      ...quick,
      teacher,
      student,
      steps: { model: 1000 },
      signal: controller.signal,
      onStep: (_stage, { step }) => {
        if (step === 25) controller.abort();
      },
    });
    expect({ steps, interrupted }).toEqual({ steps: { layers: 0, model: 25 }, interrupted: true });
    expect(after).toBeLessThan(before);
    expect(Object.keys(tensors).toSorted()).toEqual(Object.keys(student.tensors).toSorted());
  });

  const { teacher, student } = pairOf(encoder);
  it.each([
    [
      "other sizes",
      { teacher: pairOf({ ...encoder, numLayers: 1 }).teacher },
      "numLayers of the student must be the teacher's 1, got 2",
    ],
    ["other widths", { teacher: pairOf({ ...encoder, mlpDim: 19 }).teacher }, "'blocks.0.mlp"],
    [
      "another vocabulary",
      { teacher: pairOf({ ...encoder, vocabSize: 13 }).teacher },
      "vocabSize of the student must be the teacher's 13",
    ],
    [
      "too little text",
      { tokenIds: texts(3, 1), tokensPerBatch: 512 },
      "the texts must fill a batch of 512 tokens, got",
    ],
    ["nothing held out", { heldOut: [] }, "heldOut must hold a text"],
    ["a decoder without a head", pairOf({ head: "none" }), "a decoder must predict tokens, got head 'none'"],
  ])("refuses %s", async (_case, options, message) => {
    await expect(distillModel({ ...quick, teacher, student, steps: { model: 1 }, ...options })).rejects.toThrow(
      message,
    );
  });
});
