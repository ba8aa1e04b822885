/**
 * The losses of distillation: their gradients against central differences in float64, and what they are where nothing
 * differs.
 */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { ndarray, type NdArray } from "../graph/ndarray.ts";
import { renamed } from "../graph/records.ts";
import type { ModelConfig, ModelOptions } from "../model/config.ts";
import { slopeError } from "../../tests/model/finite-differences.ts";
import { evaluateInFloat64, randomBatch, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import type { Batch } from "../data/batch.ts";
import { createDistillExecution, distilledNames } from "./distill.ts";
import { distillEvaluationOutputs, distillStages, distillStepOutputs, TEACHER } from "./distill-graphs.ts";

/** Central differences with a step of 1e-5; constants are rounded to float32 in loss and gradient alike. */
const TOLERANCE = 1e-6;
/** A gradient that is exactly 0 leaves rounding of this size. */
const FLOOR = 1e-3;
/** Losses by the engine, in float32, against float64. */
const FLOAT32 = 1e-4;

const kinds: Record<string, Partial<ModelOptions>> = {
  // Causal features cost float64 loops most, and what a mechanism does in here is its own affair.
  decoder: { mechanism: "exact" },
  encoder: { architecture: "encoder", head: "none", positions: "learned", normPlacement: "post", embeddingNorm: true },
};
const options = { pooling: "mean", statesWeight: 0.7, form: "scan" } as const;
const shape = { batchSize: 2, seqLen: 5 };

/** A student whose weights are the teacher's, moved a little. */
/** Two texts of five and three tokens. */
function paddedBatch(student: ModelConfig): Batch {
  const padded = randomBatch(student, 2, 5, { lengths: [5, 3] });
  const inputIds = padded.inputIds.map((id, index) => (padded.weights[index] === 0 ? 0 : Math.max(1, id)));
  return { ...padded, inputIds };
}

function valuesOf(teacher: ModelConfig, student: ModelConfig): Record<string, NdArray> {
  const { inputIds, weights } = paddedBatch(student);
  return {
    ...renamed(tinyTensors(teacher, 3), "", TEACHER),
    ...tinyTensors(student, 4),
    "batch.inputIds": ndarray(inputIds, [2, 5]),
    "batch.weights": ndarray(weights, [2, 5]),
  };
}

describe.each(Object.entries(kinds))("the loss of a %s", (_kind, kind) => {
  const teacher = tinyConfig({ mechanism: "exact", ...kind });
  const student = tinyConfig({ mechanism: "favor", ...kind });
  const values = valuesOf(teacher, student);

  it.each(distillStages)("has in the stage %s the gradient that finite differences have", (stage) => {
    const names = distilledNames(student, "blocks");
    const outputs = distillStepOutputs(student, shape, stage, names, { ...options, teacher });
    expect(slopeError(outputs, evaluateInFloat64(outputs, values), values, names, FLOOR)).toBeLessThan(TOLERANCE);
  });

  it("is nothing where student and teacher are the same model, and something where they are not", () => {
    const own = { ...values, ...renamed(values, TEACHER, "") };
    for (const stage of distillStages) {
      const step = distillStepOutputs(teacher, shape, stage, [], { ...options, teacher });
      expect(evaluateInFloat64(step, own)["loss"]?.data[0]).toBeCloseTo(0, 12);
    }
    const other = evaluateInFloat64(distillEvaluationOutputs(student, shape, { ...options, teacher }), values);
    const losses = Array.from(other["losses"]?.data ?? [], Number);
    // Two texts, or the tokens of them with padding.
    expect(losses).toHaveLength(student.architecture === "encoder" ? 2 : 10);
    expect(Math.max(...losses)).toBeGreaterThan(1e-3);
  });

  it("counts in an evaluation two texts, or the eight tokens of them, and no padding", async () => {
    await using execution = createDistillExecution(student, createBackend(), {
      pooling: options.pooling,
      teacher: { config: teacher, tensors: tinyTensors(teacher, 3) },
      stage: "model",
      trained: [],
    });
    const { weightSum, lossSum } = await execution.evaluate(tinyTensors(student, 4), paddedBatch(student));
    expect(weightSum).toBe(student.architecture === "encoder" ? 2 : 8);
    const { losses } = evaluateInFloat64(distillEvaluationOutputs(student, shape, { ...options, teacher }), values);
    const counts = (_: unknown, index: number) => student.architecture === "encoder" || index < 5 || index % 5 < 3;
    const wanted = Array.from(losses?.data ?? [], Number).filter(counts);
    expect(Math.abs(lossSum / wanted.reduce((sum, loss) => sum + loss, 0) - 1)).toBeLessThan(FLOAT32);
  });
});
