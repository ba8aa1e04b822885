/** Softmax and layer normalisation over the last axis, as the engine's fused ops. */
import { defineMultiOp, defineOp } from "../graph/define-op.ts";
import type { ReferenceArray } from "../graph/op-rule.ts";
import { sameShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, mul, sub } from "./elementwise.ts";
import { reshape } from "./layout.ts";
import { matmul } from "./matmul.ts";
import { expand, sum, unbroadcast } from "./reduce.ts";

/** Applies a function to each row of the last axis. */
function mapRows(x: ReferenceArray, fn: (row: Float64Array) => ArrayLike<number>): ReferenceArray {
  const width = x.shape.at(-1) ?? 1;
  const data = new Float64Array(x.data.length);
  for (let start = 0; start < data.length; start += width) data.set(fn(x.data.subarray(start, start + width)), start);
  return { shape: x.shape, data };
}

/** e^x over its sum along the last axis, shifted by the maximum, so that it never overflows. */
export const softmax = defineOp<1>({
  name: "Softmax",
  arity: 1,
  infer: ([x]) => x,
  emit: (onnx, [x]) => onnx.node("Softmax", [x], { attributes: { axis: { int: -1 } } }),
  vjp: ({ y, dy }) => {
    const weighted = mul(dy, y);
    return [sub(weighted, mul(y, sum(weighted, { axes: [-1], keepDims: true })))];
  },
  reference: ([x]) =>
    mapRows(x, (row) => {
      const largest = row.reduce((a, b) => Math.max(a, b));
      const shifted = row.map((value) => Math.exp(value - largest));
      const total = shifted.reduce((a, b) => a + b, 0);
      return shifted.map((value) => value / total);
    }),
});

interface NormAttributes {
  readonly epsilon: number;
}

const layerNormOp = defineMultiOp<NormAttributes>({
  name: "LayerNormalization",
  infer: ([x, scale, bias]) => {
    if (x === undefined || scale === undefined || bias === undefined)
      throw new RangeError("x, scale and bias must be given");
    const width = [x.shape.at(-1) ?? 0];
    if (!sameShape(scale.shape, width) || !sameShape(bias.shape, width)) {
      throw new RangeError("scale and bias must have one entry for each of the last axis");
    }
    const rows = { dtype: x.dtype, shape: [...x.shape.slice(0, -1), 1] };
    return [x, rows, rows];
  },
  emit: (onnx, inputs, { epsilon }) =>
    onnx.nodes("LayerNormalization", inputs, 3, {
      attributes: { axis: { int: -1 }, epsilon: { float: epsilon } },
    }),
  // With x̂ = (x − mean)/σ and g = dy · scale: dx = (g − mean(g) − x̂ · mean(g · x̂)) / σ. Mean and 1/σ have gradients
  // where the gradient itself is differentiated: 1/n, and −x̂/(n σ²).
  vjp: ({ inputs, outputs, outputGradients: [dy, dMean, dInverse] }) => {
    const [x, scale] = inputs;
    const [, mean, inverseDeviation] = outputs;
    if (!x || !scale || !mean || !inverseDeviation) return [];
    const normalized = mul(sub(x, mean), inverseDeviation);
    const perRow = 1 / (x.shape.at(-1) ?? 1);
    // The mean of a row weighted by scale, as a product with one column: it reads the row once and writes nothing in
    // between.
    const column = reshape(mul(scale, perRow), [-1, 1]);
    const scaledMean = (value: Tensor) => matmul(value, column);
    const byY = (gradient: Tensor) => {
      const means = add(scaledMean(gradient), mul(normalized, scaledMean(mul(gradient, normalized))));
      return mul(sub(mul(gradient, scale), means), inverseDeviation);
    };
    const byInverse = (gradient: Tensor) =>
      mul(mul(normalized, mul(inverseDeviation, inverseDeviation)), mul(gradient, -perRow));
    const parts = [dy && byY(dy), dMean && expand(mul(dMean, perRow), x.shape), dInverse && byInverse(dInverse)];
    return [
      parts.filter((part) => part !== undefined).reduce((a, b) => add(a, b)),
      dy && unbroadcast(mul(dy, normalized), scale.shape),
      dy && unbroadcast(dy, scale.shape),
    ];
  },
  reference: ([x, scale, bias], { epsilon }) => {
    if (!x || !scale || !bias) return [];
    const width = x.shape.at(-1) ?? 1;
    const rows = [...x.shape.slice(0, -1), 1];
    const means = new Float64Array(x.data.length / width);
    const inverses = new Float64Array(means.length);
    let index = 0;
    const y = mapRows(x, (row) => {
      const mean = row.reduce((a, b) => a + b, 0) / width;
      const inverse = 1 / Math.sqrt(row.reduce((a, b) => a + (b - mean) ** 2, 0) / width + epsilon);
      means[index] = mean;
      inverses[index++] = inverse;
      return row.map((value, i) => (value - mean) * inverse * (scale.data[i] ?? 0) + (bias.data[i] ?? 0));
    });
    return [y, { shape: rows, data: means }, { shape: rows, data: inverses }];
  },
});

/**
 * Layer normalisation over the last axis: (x − mean) / √(variance + epsilon) · scale + bias.
 *
 * @param epsilon default 1e-5, as in GPT-2 and PyTorch
 */
export function layerNorm(x: Tensor, scale: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  return layerNormOp([x, scale, bias], { epsilon })[0] as Tensor; // the first of three outputs
}
