/** Evaluation with weights stored in fewer bits, and what that costs in accuracy. */

import type { WeightDtype } from "../../onnx/weight-dtype.ts";
import type { Backend } from "../../runtime/index.ts";
import { withWeights } from "../../runtime/weights.ts";
import { createEvaluator } from "../../training/evaluate.ts";
import {
  evaluateSplit,
  type EvaluateSplitOptions,
  type PredictionFigures,
  type RegressionFigures,
  type SplitFigures,
} from "../../runs/evaluation.ts";

/** The same split with weights in float32, and the differences to it. */
export type DtypeCost = StoredBytes & (PredictionCost | RegressionCost);

interface StoredBytes {
  /** Weights and projections, as stored. */
  readonly weightBytes: number;
  readonly float32WeightBytes: number;
}

interface PredictionCost {
  readonly float32: Pick<PredictionFigures, "accuracy" | "perplexity" | "lossNats">;
  /** Perplexity minus that of float32. */
  readonly perplexityDifference: number;
  /** Accuracy minus that of float32, as a share of 1. */
  readonly accuracyDifference: number;
  readonly lossDifferenceNats: number;
}

interface RegressionCost {
  readonly float32: Pick<RegressionFigures, "meanSquaredError" | "rSquared">;
  /** Squared error minus that of float32. */
  readonly meanSquaredErrorDifference: number;
}

export type StoredFigures = SplitFigures & {
  readonly dtype: WeightDtype;
  /** With other dtypes than float32. */
  readonly cost?: DtypeCost;
};

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
    await using evaluator = createEvaluator(options.config.model, backend, options.config.training);
    return { ...(await evaluateSplit({ ...options, evaluator })), dtype };
  }
  const stored = await evaluateAs(dtype, backend, options);
  const reference = await evaluateAs("float32", backend, options);
  const float32WeightBytes = Object.values(options.tensors).reduce((total, { data }) => total + data.byteLength, 0);
  const cost: DtypeCost = {
    ...costOf(stored.figures, reference.figures),
    // Graphs hold other constants too, which are the same in both.
    weightBytes: float32WeightBytes + stored.constantBytes - reference.constantBytes,
    float32WeightBytes,
  };
  return { ...stored.figures, dtype, cost };
}

/** Both are of one task. */
function costOf(stored: SplitFigures, reference: SplitFigures): PredictionCost | RegressionCost {
  if (stored.task !== "regression" && reference.task !== "regression") {
    const { accuracy, perplexity, lossNats } = reference;
    return {
      float32: { accuracy, perplexity, lossNats },
      perplexityDifference: stored.perplexity - perplexity,
      accuracyDifference: stored.accuracy - accuracy,
      lossDifferenceNats: stored.lossNats - lossNats,
    };
  }
  const [error, referenceError] = [stored, reference].map((each) =>
    each.task === "regression" ? each.meanSquaredError : Number.NaN,
  );
  const rSquared = reference.task === "regression" ? reference.rSquared : Number.NaN;
  return {
    float32: { meanSquaredError: referenceError ?? Number.NaN, rSquared },
    meanSquaredErrorDifference: (error ?? Number.NaN) - (referenceError ?? Number.NaN),
  };
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
  await using evaluator = createEvaluator(config.model, measured, config.training);
  const figures = await evaluateSplit({ ...options, evaluator });
  return { figures, constantBytes };
}

/** What the dtype costs, as a line for people; empty for float32. */
export function formatStored(figures: StoredFigures): string {
  const { dtype, cost } = figures;
  if (cost === undefined) return "";
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  return [
    `${dtype}: ${describeCost(figures, cost)}`,
    `weights ${megabytes(cost.weightBytes)} (float32 ${megabytes(cost.float32WeightBytes)})\n`,
  ].join("; ");
}

function describeCost(figures: SplitFigures, cost: PredictionCost | RegressionCost): string {
  const signed = (value: number, digits: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
  if (figures.task !== "regression" && "perplexityDifference" in cost) {
    const { float32, perplexityDifference, accuracyDifference } = cost;
    return (
      `perplexity ${figures.perplexity.toFixed(4)} (float32 ${float32.perplexity.toFixed(4)}, ${signed(perplexityDifference, 4)}); ` +
      `accuracy ${(100 * figures.accuracy).toFixed(2)} % (float32 ${(100 * float32.accuracy).toFixed(2)} %, ${signed(100 * accuracyDifference, 2)} points)`
    );
  }
  const error = figures.task === "regression" ? figures.meanSquaredError : Number.NaN;
  const difference = "meanSquaredErrorDifference" in cost ? cost.meanSquaredErrorDifference : Number.NaN;
  return `squared error ${error.toFixed(6)} (float32 ${(error - difference).toFixed(6)}, ${signed(difference, 6)})`;
}
