/** From a function that builds a graph for given lengths to the ONNX graph that serves all of them. */
import { GraphError } from "../../graph/errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { emitGraph } from "../emit.ts";
import type { GraphProto } from "../model.ts";
import { generalizeGraph, type FreeLength } from "./generalize.ts";
import type { Lengths } from "./polynomial.ts";

/** The lengths at which graphs are built: small, distinct primes, and never 1, where nodes fall away. */
const FITTED = [
  [3, 5],
  [7, 11],
];
const CHECKED = [2, 13];

/** Tables must be longer than what they are checked against. */
export const SHORTEST_TABLE = 16;

/**
 * Emits a graph whose inputs may have any length on the given axes.
 *
 * @param build makes the graph for given lengths; called 2ⁿ + 2 times
 * @param free at most two lengths, by name: where each is read, and the greatest that tables of positions serve
 * @throws GraphError naming the first node that changes with lengths in a way that cannot be computed, such as a loop that becomes longer
 *
 * @example
 * emitDynamic(({ batch = 1 }) => ({ outputs: { y: softmax(input("x", [batch, 5])) } }), { batch: { input: "x", axis: 0 } });
 */
export function emitDynamic(
  build: (lengths: Lengths) => Graph,
  free: Readonly<Record<string, FreeLength>>,
): GraphProto {
  const names = Object.keys(free);
  if (names.length > FITTED.length) {
    throw new GraphError(
      `emitDynamic: free lengths must be at most ${FITTED.length}, got ${names.join(", ")}; fix the others`,
    );
  }
  for (const [name, { most = SHORTEST_TABLE }] of Object.entries(free)) {
    if (most >= SHORTEST_TABLE) continue;
    throw new GraphError(
      `emitDynamic: the greatest '${name}' must be at least ${SHORTEST_TABLE}, got ${most}; allow more, which costs nothing`,
    );
  }
  const at = [
    ...grid(names),
    Object.fromEntries(names.map((name, index) => [name, CHECKED[(index + 1) % CHECKED.length] ?? 2])),
    // Not used for fitting either: the greatest lengths show what depends on them.
    Object.fromEntries(names.map((name, index) => [name, free[name]?.most ?? CHECKED[index] ?? 2])),
  ];
  return generalizeGraph(
    at.map((lengths) => ({ lengths, graph: emitGraph(build(lengths)) })),
    free,
  );
}

/** Two values of every length, in all combinations. */
function grid(names: readonly string[]): readonly Lengths[] {
  return names.reduce<readonly Lengths[]>(
    (points, name, index) =>
      (FITTED[index] ?? []).flatMap((length) => points.map((point) => ({ ...point, [name]: length }))),
    [{}],
  );
}
