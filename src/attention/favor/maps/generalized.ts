/** Generalized attention: features f(ωx) + ε for any function f, which define a kernel instead of estimating one. */
import { GraphError, problem } from "../../../graph/errors.ts";
import { ndarray } from "../../../graph/ndarray.ts";
import type { Tensor } from "../../../graph/tensor.ts";
import { abs, add, cos, exp, mul, neg, relu, sigmoid, sub, tanh } from "../../../ops/elementwise.ts";
import { square } from "../../../ops/composed.ts";
import { cast } from "../../../ops/compare.ts";
import { gelu } from "../../../ops/gelu.ts";
import { max } from "../../../ops/maximum-along.ts";
import { constant, stopGradient } from "../../../ops/source.ts";
import { evaluate } from "../../../runtime/reference.ts";
import { refuseUnknownOptions, shown } from "../../../graph/arguments.ts";
import type { FeatureMap } from "../../feature-map.ts";
import { column, project, usual } from "./features.ts";

/** The published value: small beside features of order 1, large beside rounding. */
const KERNEL_EPSILON = 1e-3;

export interface GeneralizedOptions {
  /** The name, for messages and tables. */
  readonly name: string;
  /** Default: `f(ωx) + ε` under the name. */
  readonly summary?: string;
  /** f, built from the ops, elementwise: a tensor of any shape → one of the same shape. */
  readonly f: (u: Tensor) => Tensor;
  /** ε, added to every feature, keeps denominators of non-negative f above 0. Default 1e-3, as published. */
  readonly kernelEpsilon?: number;
  /** Called once if f + ε has negative values. Default console.warn. */
  readonly warn?: (message: string) => void;
}

/**
 * Generalized features of a function: φ(x) = (f(ωx) + kernelEpsilon) / √M.
 *
 * A function that gives negative features is allowed, with a warning: sums of them can be 0, and attention divides by
 * such sums. A function that overflows float32 (as exp does from 88 on) gives infinite outputs;
 * `mechanisms["favor-exp"]` is exp without overflow.
 *
 * @throws GraphError when f changes the shape, or gives NaN on [−8, 8]
 * @example
 * const squared = generalizedFeatures({ name: "squared", f: (u) => mul(u, u) });
 * await favorAttention({ q, k, v }, { mechanism: favorMechanism(squared) });
 * Source: section 2.2 and appendix D.3, arXiv:2009.14794.
 */
export function generalizedFeatures(options: GeneralizedOptions): FeatureMap {
  checkOptions(options);
  // oxlint-disable-next-line no-console -- the one channel for warnings that Node and browsers share
  const { name, f, kernelEpsilon = KERNEL_EPSILON, warn = console.warn } = options;
  if (!Number.isFinite(kernelEpsilon) || kernelEpsilon < 0) {
    throw new GraphError(
      problem`generalizedFeatures: kernelEpsilon must be a number from 0 on, got ${kernelEpsilon}; omit it for
      ${KERNEL_EPSILON}`,
    );
  }
  const { least, where } = leastValue(name, f);
  const positive = least + kernelEpsilon >= 0;
  if (!positive) {
    warn(
      `generalizedFeatures: features of '${name}' should not be negative, got ${least.toPrecision(3)} at ` +
        `${where.toPrecision(3)}; ` +
        "denominators may vanish: add a constant to the function, or take its square",
    );
  }
  return generalized(name, options.summary ?? `${name}(ωx) + ε`, f, { positive, kernelEpsilon });
}

const optionNames = ["name", "summary", "f", "kernelEpsilon", "warn"] as const satisfies (keyof GeneralizedOptions)[];

/** Checks for callers without types. */
function checkOptions(options: GeneralizedOptions): void {
  refuseUnknownOptions("generalizedFeatures", options, optionNames, GraphError);
  if (typeof options.name !== "string" || options.name === "") {
    throw new GraphError(
      problem`generalizedFeatures: name must be a word, got ${shown(options.name)}; tables and errors use it`,
    );
  }
  if (typeof options.f !== "function") {
    throw new GraphError(
      problem`generalizedFeatures: f must be a function of a tensor, got ${shown(options.f)}; for example (u) =>
      square(relu(u))`,
    );
  }
}

/** Calls the user's function, whose likeliest mistake is to compute with numbers. */
function callOnTensor(name: string, f: (u: Tensor) => Tensor, u: Tensor): Tensor {
  let values: unknown;
  try {
    values = f(u);
  } catch (error) {
    if (error instanceof GraphError) throw error;
    throw new GraphError(
      problem`generalizedFeatures: '${name}' must compute with tensors, got ${String(error)}; use the ops of
      performer-ts/ops`,
      { cause: error },
    );
  }
  if (typeof values === "object" && values !== null && "node" in values) return values as Tensor; // tensors alone have nodes
  throw new GraphError(
    problem`generalizedFeatures: '${name}' must return a tensor made by the ops of performer-ts/ops, got
    ${shown(values)}; write mul(u, u) for u * u, exp(u) for Math.exp(u)`,
  );
}

function generalized(
  name: string,
  summary: string,
  f: (u: Tensor) => Tensor,
  { positive = true, kernelEpsilon = KERNEL_EPSILON } = {},
): FeatureMap {
  return {
    ...usual,
    name,
    summary,
    kind: "plain",
    positive,
    features: (x, projection) => {
      const values = f(project(x, projection));
      return { kind: "plain", features: kernelEpsilon === 0 ? values : add(values, kernelEpsilon) };
    },
  };
}

/** The least value of a function on [−8, 8], where all but 1e-15 of a standard normal variable lies. */
function leastValue(name: string, f: (u: Tensor) => Tensor): { readonly least: number; readonly where: number } {
  const points = Float32Array.from({ length: 1025 }, (_, index) => (index - 512) / 64);
  const u = constant(ndarray(points, [1, points.length]));
  const values = callOnTensor(name, f, u);
  if (values.shape.length !== 2 || values.shape[1] !== points.length) {
    throw new GraphError(
      problem`generalizedFeatures: '${name}' must work element by element and keep the shape [1 ${points.length}], got
      [${values.shape.join(" ")}]; build it from elementwise ops`,
    );
  }
  const [result] = evaluate([values], new Map());
  let least = Number.POSITIVE_INFINITY;
  let where = 0;
  result?.data.forEach((value, index) => {
    if (Number.isNaN(value)) {
      throw new GraphError(
        problem`generalizedFeatures: '${name}' must be defined everywhere, got NaN at ${points[index]}; guard its
        argument`,
      );
    }
    if (value >= least) return;
    least = value;
    where = points[index] ?? 0;
  });
  return { least, where };
}

/** Performer-ReLU: φ(x) = max(ωx, 0) + ε, the paper's best on proteins. */
export function reluFeatures(kernelEpsilon = KERNEL_EPSILON): FeatureMap {
  return generalized("relu", "ReLU features (Performer-ReLU), the paper's best on proteins", relu, { kernelEpsilon });
}

/** elu(u) + 1 = u + 1 for u > 0, e^u else, without a comparison: one of the two terms is 1 or 0. */
export function eluPlusOne(u: Tensor): Tensor {
  const above = relu(u);
  return add(exp(sub(u, above)), above);
}

/**
 * φ(x) = exp(ωx) + ε. Each row under its own maximum c (never below 0, so that ε exp(−c) stays small), for exp alone
 * would overflow from ωx = 88 on.
 */
const exponential: FeatureMap = {
  ...usual,
  name: "exp",
  summary: "exp(ωx) + ε, without the factor that makes it the softmax kernel",
  kind: "scaled",
  features: (x, projection) => {
    const logits = project(x, projection);
    const scale = relu(stopGradient(max(logits, { axes: [-1], keepDims: true })));
    const epsilon = mul(exp(neg(scale)), column(scale, KERNEL_EPSILON));
    return { kind: "scaled", features: add(exp(sub(logits, scale)), epsilon), logScale: scale };
  },
};

/** The functions of the paper's sweep (its figures 16 and 17) and two more; those that can be negative say so. */
export const generalizedMaps = {
  relu: reluFeatures(),
  exp: exponential,
  sigmoid: generalized("sigmoid", "sigmoid(ωx) + ε", sigmoid),
  tanh: generalized("tanh", "tanh(ωx) + ε: of either sign", tanh, { positive: false }),
  gelu: generalized("gelu", "exact gelu(ωx) + ε: slightly negative in places", gelu, { positive: false }),
  abs: generalized("abs", "abs(ωx) + ε", abs),
  cos: generalized("cos", "cos(ωx) + ε: of either sign", cos, { positive: false }),
  identity: generalized("identity", "ωx + ε: of either sign", (u) => u, { positive: false }),
  requ: generalized("requ", "max(ωx, 0)² + ε", (u) => square(relu(u))),
  elu: generalized("elu", "elu(ωx) + 1 + ε, with projection 'none' the linear transformer's features", eluPlusOne),
} as const satisfies Record<string, FeatureMap>;

/**
 * Features of the arc-cosine kernel of order n: φ(x) = √(2/M) Θ(ωx)(ωx)ⁿ, Θ the step function.
 *
 * @param order 0, 1 or 2
 * Source: Cho and Saul, Kernel methods for deep learning, 2009.
 */
export function arcCosineFeatures(order: 0 | 1 | 2): FeatureMap {
  if (![0, 1, 2].includes(order)) {
    throw new GraphError(
      problem`arcCosineFeatures: order must be 0, 1 or 2, got ${shown(order)}; 1 is the kernel of ReLU`,
    );
  }
  const powers = [
    // The gradient of a step is 0 wherever it exists.
    (u: Tensor) => stopGradient(cast(cast(relu(u), "bool"), "float32")),
    relu,
    (u: Tensor) => square(relu(u)),
  ] as const;
  return {
    ...generalized(`arc-cosine-${order}`, `the arc-cosine kernel of order ${order}`, powers[order], {
      kernelEpsilon: 0,
    }),
    normaliser: (rows) => rows / 2,
  };
}
