// Evaluation with weights stored in fewer bits, and what that costs in accuracy.

import type { WeightDtype } from "../onnx/weight-dtype.ts";
import type { Backend } from "../runtime/index.ts";
import { withWeights } from "../runtime/weights.ts";
import { createEvaluator } from "../training/evaluate.ts";
import { evaluateSplit } from "./evaluation.ts";
import type { EvaluateSplitOptions, SplitFigures } from "./evaluation.ts";

/** The same split with weights in float32, and the differences to it. */
export interface DtypeCost {
  readonly float32: Pick<SplitFigures, "accuracy" | "perplexity" | "lossNats">;
  /** Perplexity minus that of float32. */
  readonly perplexityDifference: number;
  /** Accuracy minus that of float32, as a share of 1. */
  readonly accuracyDifference: number;
  readonly lossDifferenceNats: number;
  /** Weights and projections, as stored. */
  readonly weightBytes: number;
  readonly float32WeightBytes: number;
}

export interface StoredFigures extends SplitFigures {
  readonly dtype: WeightDtype;
  /** With other dtypes than float32. */
  readonly cost?: DtypeCost;
}

export interface EvaluateStoredOptions extends Omit<EvaluateSplitOptions, "evaluator"> {
  readonly backend: Backend;
  readonly dtype: WeightDtype;
}

/**
 * Evaluates a split, with other dtypes than float32 a second time in float32.
 *
 * @throws DataError when the split is empty; RuntimeError for a dtype that the device does not have
 */
export async function evaluateStored({ backend, dtype, ...options }: EvaluateStoredOptions): Promise<StoredFigures> {
  if (dtype === "float32") {
    await using evaluator = createEvaluator(options.config.model, backend);
    return { ...(await evaluateSplit({ ...options, evaluator })), dtype };
  }
  const stored = await evaluateAs(dtype, backend, options);
  const reference = await evaluateAs("float32", backend, options);
  const { accuracy, perplexity, lossNats } = reference.figures;
  const float32WeightBytes = Object.values(options.tensors).reduce((total, { data }) => total + data.byteLength, 0);
  const cost: DtypeCost = {
    float32: { accuracy, perplexity, lossNats },
    perplexityDifference: stored.figures.perplexity - perplexity,
    accuracyDifference: stored.figures.accuracy - accuracy,
    lossDifferenceNats: stored.figures.lossNats - lossNats,
    // Graphs hold other constants too, which are the same in both.
    weightBytes: float32WeightBytes + stored.constantBytes - reference.constantBytes,
    float32WeightBytes,
  };
  return { ...stored.figures, dtype, cost };
}

async function evaluateAs(dtype: WeightDtype, backend: Backend, options: Omit<EvaluateSplitOptions, "evaluator">) {
  const { config, tensors } = options;
  let constantBytes = 0;
  const inner = withWeights(backend, { constants: tensors, dtype });
  const measured: Backend = {
    device: inner.device,
    compile: async (graph) => {
      const executable = await inner.compile(graph);
      constantBytes = Math.max(constantBytes, executable.constantBytes);
      return executable;
    },
  };
  await using evaluator = createEvaluator(config.model, measured);
  const figures = await evaluateSplit({ ...options, evaluator });
  return { figures, constantBytes };
}

/** What the dtype costs, as a line for people; empty for float32. */
export function formatStored({ dtype, perplexity, accuracy, cost }: StoredFigures): string {
  if (cost === undefined) return "";
  const { float32, perplexityDifference, accuracyDifference, weightBytes, float32WeightBytes } = cost;
  const signed = (value: number, digits: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  return [
    `${dtype}: perplexity ${perplexity.toFixed(4)} (float32 ${float32.perplexity.toFixed(4)}, ${signed(perplexityDifference, 4)})`,
    `accuracy ${(100 * accuracy).toFixed(2)} % (float32 ${(100 * float32.accuracy).toFixed(2)} %, ${signed(100 * accuracyDifference, 2)} points)`,
    `weights ${megabytes(weightBytes)} (float32 ${megabytes(float32WeightBytes)})\n`,
  ].join("; ");
}
