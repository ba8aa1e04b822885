/** Reverse-mode differentiation: a graph in, a graph out. */
import { requireArgument } from "../graph/arguments.ts";
import { GraphError, problem } from "../graph/errors.ts";
import { nodesInOrder } from "../graph/graph.ts";
import type { Backpropagate } from "../graph/op-rule.ts";
import { scope } from "../graph/scope.ts";
import { sameShape } from "../graph/shape.ts";
import { isTensor, type Tensor } from "../graph/tensor.ts";
import { add } from "../ops/elementwise.ts";
import { full } from "../ops/source.ts";

/**
 * Gradients of a scalar.
 *
 * @param loss a tensor with one element
 * @param wrt float32 tensors of any shape: inputs or intermediate values
 * @returns for each of `wrt` a tensor of its shape; zeros where the loss does not depend on it
 * @throws GraphError when the loss is not scalar, when an op on the way has no gradient (with its reason and path), or
 *   when one of `wrt` comes from an op that later ones skip
 */
export function gradients<const Wrt extends readonly Tensor[]>(
  loss: Tensor,
  wrt: Wrt,
): { -readonly [Index in keyof Wrt]: Tensor } {
  requireArgument(isTensor(loss), "gradients", "the loss", "a tensor", loss, "build it by the ops of performer-ts/ops");
  const areTensors = Array.isArray(wrt) && wrt.every(isTensor);
  requireArgument(areTensors, "gradients", "wrt", "an array of tensors", wrt, "write gradients(loss, [weight])");
  if (loss.shape.some((length) => length !== 1)) {
    throw new GraphError(
      problem`gradients: the loss must have one element, got [${loss.shape.join(", ")}]; sum or average it`,
    );
  }
  for (const { node } of wrt) {
    if (node.op.skipped === undefined) continue;
    throw new GraphError(
      problem`gradients: tensors to differentiate by must not come from ${node.op.skipped}, got ${node.path}; use the
      tensor before it`,
    );
  }
  const found = walk([loss], [full(loss.shape, 1)], wrt, new Set());
  const all = wrt.map((tensor, index) => found[index] ?? full(tensor.shape, 0));
  return all as { -readonly [Index in keyof Wrt]: Tensor }; // one for each
}

/**
 * Vector–Jacobian products of several outputs at once, of a function whose arguments are `wrt`: where one of them is
 * computed from another, that path does not count.
 *
 * @param outputGradients gradient of some final scalar by each output; undefined where it does not depend on it
 * @returns gradient by each of `wrt`; undefined where no output depends on it
 */
export const backpropagate: Backpropagate = (outputs, outputGradients, wrt) =>
  walk(outputs, outputGradients, wrt, new Set(wrt));

/** The reverse walk; it does not go behind the tensors of `stop`. */
function walk(
  outputs: readonly Tensor[],
  outputGradients: readonly (Tensor | undefined)[],
  wrt: readonly Tensor[],
  stop: ReadonlySet<Tensor>,
): (Tensor | undefined)[] {
  const order = nodesInOrder(outputs, stop);
  const dependent = new Set<Tensor>(wrt);
  for (const node of order) {
    if (node.inputs.some((tensor) => dependent.has(tensor))) node.outputs.forEach((tensor) => dependent.add(tensor));
  }

  const found = new Map<Tensor, Tensor>();
  const accumulate = (tensor: Tensor, gradient: Tensor | undefined) => {
    if (gradient === undefined || !dependent.has(tensor)) return;
    const before = found.get(tensor);
    found.set(tensor, before === undefined ? gradient : add(before, gradient));
  };
  outputs.forEach((tensor, index) => accumulate(tensor, outputGradients[index]));

  for (const node of order.toReversed()) {
    const dys = node.outputs.map((tensor) => (stop.has(tensor) ? undefined : found.get(tensor)));
    if (dys.every((dy) => dy === undefined) || !node.inputs.some((tensor) => dependent.has(tensor))) continue;
    const { op, inputs, attributes } = node;
    const { vjp } = op;
    if (typeof vjp !== "function") {
      throw new GraphError(
        problem`gradients: ${op.name} has no gradient (${vjp.reason}), at ${node.path}; use stopGradient, or another op`,
      );
    }
    const gradientsOfInputs = scope(`${node.path}.gradient`, () =>
      vjp({ inputs, outputs: node.outputs, outputGradients: dys, attributes, backpropagate }),
    );
    inputs.forEach((tensor, index) => {
      const gradient = gradientsOfInputs[index];
      if (gradient !== undefined && !sameShape(gradient.shape, tensor.shape)) {
        throw new GraphError(
          problem`gradients: ${op.name} must return a gradient of its input's shape [${tensor.shape.join(", ")}], got
          [${gradient.shape.join(", ")}], at ${node.path}`,
        );
      }
      accumulate(tensor, gradient);
    });
  }
  return wrt.map((tensor) => found.get(tensor));
}
