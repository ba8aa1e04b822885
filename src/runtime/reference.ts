/** The oracle: runs a graph by the ops' reference rules, in float64 and without any engine. */
import { nodesInOrder, type Graph } from "../graph/graph.ts";
import { inputsOf } from "../graph/inputs.ts";
import { fromFloat64, toFloat64, type NdArray } from "../graph/ndarray.ts";
import type { Evaluate, ReferenceArray } from "../graph/op-rule.ts";
import type { Tensor, TensorType } from "../graph/tensor.ts";
import { checkFeeds, DISPOSED, RuntimeError, type Backend, type Executable, type WeightOptions } from "./backend.ts";
import { checkWeights } from "./weights.ts";

/** Computes tensors from given ones, node by node. */
export const evaluate: Evaluate = (outputs, given) => {
  const values = new Map(given);
  const valueOf = (tensor: Tensor) => values.get(tensor) as ReferenceArray; // set before any node that reads it
  for (const node of nodesInOrder(outputs, new Set(given.keys()))) {
    const { op, attributes } = node;
    const results = op.reference(node.inputs.map(valueOf), { outputs: node.outputs, attributes, evaluate });
    node.outputs.forEach((tensor, index) => {
      const result = results[index];
      if (result !== undefined) values.set(tensor, result);
    });
  }
  return outputs.map(valueOf);
};

/** Outputs keep float64 precision whatever the declared float type. */
export function createReferenceBackend(): Backend {
  return {
    device: "reference",
    compile: async (graph: Graph, weights: WeightOptions = {}): Promise<Executable> => {
      const { constants } = checkWeights(weights, "reference");
      const all = [...inputsOf(graph)];
      const fixed = all.filter(([name]) => Object.hasOwn(constants, name));
      const declared = new Map(all.filter(([name]) => !Object.hasOwn(constants, name)));
      const outputs = Object.entries(graph.outputs);
      const typeOf = ({ dtype, shape }: Tensor): TensorType => ({ dtype, shape });
      const types = Object.fromEntries([...declared].map(([name, [tensor]]) => [name, typeOf(tensor)]));
      let disposed = false;
      const dispose = async () => {
        disposed = true;
      };
      const bind = (given: Map<Tensor, ReferenceArray>, tensors: readonly Tensor[], array: NdArray | undefined) => {
        if (array === undefined) return;
        const value = { shape: array.shape, data: toFloat64(array) };
        tensors.forEach((tensor) => given.set(tensor, value));
      };
      return {
        constantBytes: fixed.reduce((total, [name]) => total + (constants[name]?.data.byteLength ?? 0), 0),
        inputs: types,
        outputs: Object.fromEntries(outputs.map(([name, tensor]) => [name, typeOf(tensor)])),
        run: async (feeds) => {
          if (disposed) throw new RuntimeError(DISPOSED);
          const arrays = checkFeeds(feeds, types);
          const given = new Map<Tensor, ReferenceArray>();
          for (const [name, tensors] of fixed) bind(given, tensors, constants[name]);
          for (const [name, tensors] of declared) bind(given, tensors, arrays[name]);
          const results = evaluate(
            outputs.map(([, tensor]) => tensor),
            given,
          );
          return Object.fromEntries(
            outputs.map(([name, { dtype }], index) => {
              const { shape, data } = results[index] ?? { shape: [], data: new Float64Array(0) };
              const exact = dtype === "float32" || dtype === "float64";
              return [name, exact ? { dtype: "float64", shape, data } : fromFloat64(data, shape, dtype)];
            }),
          );
        },
        dispose,
        [Symbol.asyncDispose]: dispose,
      };
    },
  };
}
