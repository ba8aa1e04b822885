/** Hand-derived backward passes for parts of a graph. */
import { defineMultiOp } from "../graph/define-op.ts";
import type { Tensor, Tensors, TensorRecord } from "../graph/tensor.ts";

interface CustomGradientAttributes {
  readonly numInputs: number;
  readonly backward: (outputGradients: readonly (Tensor | undefined)[]) => readonly (Tensor | undefined)[];
}

// Its inputs are the arguments and, behind them, the values already computed from them. Those pass through unchanged;
// gradients go to the arguments alone, so the reverse walk never enters the forward computation.
const customGradientOp = defineMultiOp<CustomGradientAttributes>({
  name: "CustomGradient",
  infer: (inputs, { numInputs }) => inputs.slice(numInputs),
  emit: (_onnx, inputs, { numInputs }) => inputs.slice(numInputs),
  vjp: ({ outputGradients, attributes: { backward } }) => backward(outputGradients),
  reference: (inputs, { numInputs }) => inputs.slice(numInputs),
});

/**
 * Gives a computation its own backward pass instead of the walk through its ops.
 *
 * @param inputs what gradients are wanted for
 * @param forward computes the outputs; list among them what the backward pass reuses
 * @param backward from the outputs' gradients (undefined where nothing depends on an output) to the inputs'; what it
 *   leaves out has none
 *
 * @example
 * // log(1 + e^x), whose gradient by the walk would overflow
 * customGradient({ x }, ({ x }) => ({ y: softplus(x) }), ({ y: dy }, { x }) => ({ x: dy && mul(dy, sigmoid(x)) })).y
 */
export function customGradient<Inputs extends Tensors<Inputs>, Outputs extends Tensors<Outputs>>(
  inputs: Inputs,
  forward: (inputs: Inputs) => Outputs,
  backward: (
    outputGradients: { readonly [Name in keyof Outputs]: Tensor | undefined },
    inputs: Inputs,
    outputs: Outputs,
  ) => { readonly [Name in keyof Inputs]?: Tensor | undefined },
): Outputs {
  const given = entriesOf(inputs);
  const computed = forward(inputs);
  const outputs = entriesOf(computed);
  const results = customGradientOp(
    [...given, ...outputs].map(([, tensor]) => tensor),
    {
      numInputs: given.length,
      backward: (gradients) => {
        const byName = Object.fromEntries(outputs.map(([name], index) => [name, gradients[index]]));
        // The names are those of the records given.
        const found: TensorRecord = backward(
          byName as { [Name in keyof Outputs]: Tensor | undefined },
          inputs,
          computed,
        );
        return given.map(([name]) => found[name]);
      },
    },
  );
  return Object.fromEntries(outputs.map(([name], index) => [name, results[index]])) as Outputs;
}

function entriesOf(record: TensorRecord): (readonly [string, Tensor])[] {
  return Object.entries(record).flatMap(([name, tensor]) => (tensor === undefined ? [] : [[name, tensor] as const]));
}
