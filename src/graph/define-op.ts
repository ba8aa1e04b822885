/** `defineOp`: everything about an op in one object. */
import { shown } from "./arguments.ts";
import { GraphError, problem, ShapeError } from "./errors.ts";
import type { Emitter } from "./emitter.ts";
import { currentPath } from "./scope.ts";
import { formatType, isTensor, type Node, type Tensor, type TensorType } from "./tensor.ts";
import type { Evaluate, NotDifferentiable, OpRule, ReferenceArray } from "./op-rule.ts";

interface Tuples<T> {
  readonly 0: readonly [];
  readonly 1: readonly [T];
  readonly 2: readonly [T, T];
  readonly 3: readonly [T, T, T];
}
type Arity = keyof Tuples<unknown>;

/** The gradient rule's view of an op with one output. */
export interface Vjp<A extends Arity, Attributes> {
  readonly inputs: Tuples<Tensor>[A];
  /** The op's output: reuse it instead of computing it again. */
  readonly y: Tensor;
  /** Gradient of the loss by y. */
  readonly dy: Tensor;
  readonly attributes: Attributes;
}

export interface OpDefinition<A extends Arity, Attributes> {
  /** The op's name, ONNX's where ONNX has the op. */
  readonly name: string;
  readonly arity: A;
  /** The output's type, or a throw that names the rule; the op's name, its inputs and its path are added. */
  readonly infer: (inputs: Tuples<TensorType>[A], attributes: Attributes) => TensorType;
  readonly emit: (
    onnx: Emitter,
    inputs: Tuples<string>[A],
    attributes: Attributes,
    types: { readonly inputs: Tuples<TensorType>[A]; readonly output: TensorType },
  ) => string;
  readonly vjp: ((context: Vjp<A, Attributes>) => Tuples<Tensor | undefined>[A]) | NotDifferentiable;
  /** See OpRule. Default: no other op skips it. */
  readonly skipped?: string;
  /** The same in plain float64 loops: the oracle of the tests. */
  readonly reference: (inputs: Tuples<ReferenceArray>[A], attributes: Attributes, output: TensorType) => ReferenceArray;
}

type OpFunction<A extends Arity, Attributes> = [Attributes] extends [void]
  ? (...inputs: Tuples<Tensor>[A]) => Tensor
  : (...inputs: [...Tuples<Tensor>[A], attributes: Attributes]) => Tensor;

/**
 * Defines an op with a fixed number of inputs and one output.
 *
 * @returns the function that applies it: `exp(x)`, `transpose(x, { permutation })`
 */
export function defineOp<A extends Arity, Attributes = void>(
  definition: OpDefinition<A, Attributes>,
): OpFunction<A, Attributes> {
  const { arity, vjp } = definition;
  // The lists below have `arity` entries and the attributes are those that the typed function was given:
  // `applyOp` is their only caller, so the casts restore what OpRule's lists cannot express.
  const tuple = <T>(list: readonly T[]) => list as unknown as Tuples<T>[A];
  const rule: OpRule = {
    name: definition.name,
    infer: (inputs, attributes) => [definition.infer(tuple(inputs), attributes as Attributes)],
    emit: (onnx, inputs, node) => [
      definition.emit(onnx, tuple(inputs), node.attributes as Attributes, {
        inputs: tuple<TensorType>(node.inputs),
        output: first(node.outputs),
      }),
    ],
    vjp:
      typeof vjp === "function"
        ? ({ inputs, outputs, outputGradients, attributes }) => {
            const dy = first(outputGradients);
            if (dy === undefined) return inputs.map(() => undefined);
            return vjp({ inputs: tuple(inputs), y: first(outputs), dy, attributes: attributes as Attributes });
          }
        : vjp,
    skipped: definition.skipped,
    reference: (inputs, { attributes, outputs }) => [
      definition.reference(tuple(inputs), attributes as Attributes, first(outputs)),
    ],
  };
  const apply = (...args: readonly unknown[]): Tensor =>
    first(applyOp(rule, args.slice(0, arity) as Tensor[], args[arity]));
  return apply;
}

export interface MultiOpDefinition<Attributes> {
  readonly name: string;
  readonly infer: (inputs: readonly TensorType[], attributes: Attributes) => readonly TensorType[];
  readonly emit: (
    onnx: Emitter,
    inputs: readonly string[],
    attributes: Attributes,
    types: { readonly inputs: readonly Tensor[]; readonly outputs: readonly Tensor[] },
  ) => readonly string[];
  readonly vjp:
    | ((
        context: Omit<Parameters<Extract<OpRule["vjp"], (...args: never[]) => unknown>>[0], "attributes"> & {
          readonly attributes: Attributes;
        },
      ) => readonly (Tensor | undefined)[])
    | NotDifferentiable;
  readonly reference: (
    inputs: readonly ReferenceArray[],
    attributes: Attributes,
    context: { readonly outputs: readonly TensorType[]; readonly evaluate: Evaluate },
  ) => readonly ReferenceArray[];
}

/** Defines an op with any number of inputs and outputs. */
export function defineMultiOp<Attributes>(
  definition: MultiOpDefinition<Attributes>,
): (inputs: readonly Tensor[], attributes: Attributes) => readonly Tensor[] {
  const { vjp } = definition;
  // As above: `attributes` is what the typed function was given.
  const rule: OpRule = {
    name: definition.name,
    infer: (inputs, attributes) => definition.infer(inputs, attributes as Attributes),
    emit: (onnx, inputs, node) => definition.emit(onnx, inputs, node.attributes as Attributes, node),
    vjp:
      typeof vjp === "function" ? (context) => vjp({ ...context, attributes: context.attributes as Attributes }) : vjp,
    reference: (inputs, node) => definition.reference(inputs, node.attributes as Attributes, node),
  };
  return (inputs, attributes) => applyOp(rule, inputs, attributes);
}

function first<T>(list: readonly T[]): T {
  return list[0] as T; // one output by construction
}

function applyOp(op: OpRule, inputs: readonly Tensor[], attributes: unknown): readonly Tensor[] {
  const scopePath = currentPath();
  const path = scopePath === "" ? op.name : `${scopePath}/${op.name}`;
  const stranger = inputs.findIndex((each) => !isTensor(each));
  if (stranger >= 0) {
    // For callers without types.
    throw new GraphError(
      problem`${op.name}: operands must be tensors, got ${shown(inputs[stranger])}, at ${path}; make one with scalar() or constant()`,
    );
  }
  let types: readonly TensorType[];
  try {
    types = op.infer(inputs, attributes);
  } catch (error) {
    if (error instanceof GraphError && error.message.includes(" at ")) throw error;
    const rule = error instanceof Error ? error.message : String(error);
    const parts =
      inputs.length === 0
        ? { rule: `${rule}, at ${path}` }
        : { rule, got: `${inputs.map(formatType).join(" and ")}, at ${path}` };
    throw new ShapeError({ who: op.name, ...parts }, { cause: error });
  }
  const outputs: Tensor[] = [];
  const node: Node = { op, inputs, attributes, outputs, path };
  types.forEach(({ dtype, shape }, index) => outputs.push({ node, index, dtype, shape }));
  return outputs;
}
