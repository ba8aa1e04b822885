/** Inputs that are given once and for all. */
import type { NdArray } from "../graph/ndarray.ts";
import type { GraphProto } from "./model.ts";

/** The same graph with values as initializers, in the place of the inputs of their names. */
export function withConstants(graph: GraphProto, constants: Readonly<Record<string, NdArray>>): GraphProto {
  const added = graph.inputs.flatMap(({ name }) => {
    const array = constants[name];
    return array === undefined ? [] : [{ name, array }];
  });
  return {
    ...graph,
    initializers: [...graph.initializers, ...added],
    inputs: graph.inputs.filter(({ name }) => constants[name] === undefined),
  };
}
