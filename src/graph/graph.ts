/** Walking a graph: dependency order, inputs, and the closed form that is compiled. */
import { GraphError, problem } from "./errors.ts";
import { formatType, type Node, type Tensor } from "./tensor.ts";

/** Named outputs of a graph; its inputs are found by walking back from them. */
export interface Graph {
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/**
 * The nodes that the outputs need, each after the nodes that it reads.
 *
 * @param stop tensors that are given: the walk does not go behind them
 * @param first which of a node's inputs the walk goes to first
 */
export function nodesInOrder(
  outputs: readonly Tensor[],
  stop: ReadonlySet<Tensor> = new Set(),
  first: "first input" | "last input" = "first input",
): Node[] {
  const order: Node[] = [];
  const state = new Map<Node, "open" | "done">();
  // An explicit stack: training graphs of deep models have chains longer than the call stack.
  const stack: Node[] = [];
  const push = (tensor: Tensor) => {
    if (!stop.has(tensor) && !state.has(tensor.node)) stack.push(tensor.node);
  };
  for (const output of outputs) {
    push(output);
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      if (state.get(node) === undefined) {
        state.set(node, "open");
        (first === "first input" ? node.inputs.toReversed() : node.inputs).forEach(push);
      } else {
        stack.pop();
        if (state.get(node) === "open") order.push(node);
        state.set(node, "done");
      }
    }
  }
  return order;
}

/** A listing for people: one line a node, with types and paths. */
export function printGraph(graph: Graph): string {
  const names = new Map<Tensor, string>();
  const lines: string[] = [];
  const outputs = Object.entries(graph.outputs);
  for (const node of nodesInOrder(outputs.map(([, tensor]) => tensor))) {
    node.outputs.forEach((tensor) => names.set(tensor, `%${names.size}`));
    const results = node.outputs.map((tensor) => `${names.get(tensor)}: ${formatType(tensor)}`).join(", ");
    const inputs = node.inputs.map((tensor) => names.get(tensor)).join(", ");
    lines.push(`${results} = ${node.op.name}(${inputs})  # ${node.path}`);
  }
  lines.push(`return { ${outputs.map(([name, tensor]) => `${name}: ${names.get(tensor)}`).join(", ")} }`);
  return lines.join("\n");
}

/** Refuses a graph without outputs, which no engine accepts. */
export function expectOutputs(graph: Graph): readonly (readonly [string, Tensor])[] {
  const outputs = Object.entries(graph.outputs);
  if (outputs.length === 0)
    throw new GraphError(problem`compile: a graph must have at least one output, got none; return one`);
  return outputs;
}
