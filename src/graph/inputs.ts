/** Where values enter a graph: its inputs by name, found by walking back from its outputs. */
import { GraphError, problem } from "./errors.ts";
import { expectOutputs, nodesInOrder, type Graph } from "./graph.ts";
import { formatType, type Node, type Tensor } from "./tensor.ts";

/** The name of the op behind `input`: the writer and the backends treat such nodes as given values. */
export const INPUT = "Input";

/** The name under which an input's value is given; undefined for any other node. */
export function inputName(node: Node): string | undefined {
  if (node.op.name !== INPUT) return undefined;
  return (node.attributes as { readonly name: string }).name; // only `input` makes nodes of this name
}

/**
 * The inputs of a graph, each name with all the tensors that were declared for it.
 *
 * @throws GraphError when there is no output, when declarations of one name differ in type, or when an input and an
 *   output share a name
 */
export function inputsOf(graph: Graph): Map<string, readonly [Tensor, ...Tensor[]]> {
  const outputs = expectOutputs(graph);
  const inputs = new Map<string, readonly [Tensor, ...Tensor[]]>();
  for (const node of nodesInOrder(outputs.map(([, tensor]) => tensor))) {
    const name = inputName(node);
    const [tensor] = node.outputs;
    if (name === undefined || tensor === undefined) continue;
    const before = inputs.get(name);
    if (before !== undefined && formatType(before[0]) !== formatType(tensor)) {
      throw new GraphError(
        problem`compile: an input must be declared once or with one type, got '${name}' as ${formatType(before[0])} and
        ${formatType(tensor)}; use one tensor for it`,
      );
    }
    inputs.set(name, before === undefined ? [tensor] : [...before, tensor]);
  }
  const clash = outputs.find(([name]) => inputs.has(name));
  if (clash !== undefined) {
    throw new GraphError(
      problem`compile: inputs and outputs must have different names, got '${clash[0]}' for both; rename one`,
    );
  }
  return inputs;
}
