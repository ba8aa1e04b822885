/** From a function that builds a graph for given lengths to the ONNX graph that serves all of them. */
import type { Graph } from "../../graph/graph.ts";
import { emitGraph } from "../emit.ts";
import type { GraphProto } from "../model.ts";
import { generalizeGraph, type FreeLength } from "./generalize.ts";
import type { Lengths } from "./polynomial.ts";
import { sampleLengths } from "./sample-lengths.ts";

/**
 * Emits a graph whose inputs may have any length on the given axes.
 *
 * A length may also be the number of blocks that hold another one, for graphs that pad to whole blocks: graphs are
 * built for numbers of blocks that hold more positions than the length, and as it runs the fewest that hold it are
 * taken.
 *
 * @param build makes the graph for given lengths; called 2ⁿ + 2 times
 * @param free by name: at most two lengths of axes, where each is read and the greatest that tables of positions serve;
 *   and numbers of blocks that hold one of these
 * @throws GraphError naming the first node that changes with lengths in a way that cannot be computed, such as a loop
 *   that becomes longer
 *
 * @example
 * emitDynamic(({ batch = 1 }) => ({ outputs: { y: softmax(input("x", [batch, 5])) } }), { batch: { input: "x", axis: 0
 * } });
 */
export function emitDynamic(
  build: (lengths: Lengths) => Graph,
  free: Readonly<Record<string, FreeLength>>,
): GraphProto {
  const { fitted, checked, greatest, tables } = sampleLengths(free);
  return generalizeGraph(
    [...fitted, checked, greatest].map((lengths) => ({ lengths, graph: emitGraph(build(lengths)) })),
    free,
    tables,
  );
}
