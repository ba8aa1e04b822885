/** If: one of two graphs, chosen by a value that is known only when the graph runs. */
import { defineMultiOp } from "../graph/define-op.ts";
import { ShapeError, problem } from "../graph/errors.ts";
import { notDifferentiable, type ReferenceArray } from "../graph/op-rule.ts";
import { sameShape } from "../graph/shape.ts";
import { formatType, type Tensor, type TensorRecord, type Tensors } from "../graph/tensor.ts";
import { input } from "./source.ts";
import { atPath, capturedTensors, listed, named, namesOf, set } from "./subgraph.ts";

interface Branch {
  readonly results: readonly Tensor[];
  /** Tensors of the surrounding graph that the branch reads beside the inputs. */
  readonly captured: readonly Tensor[];
}

interface CondAttributes {
  /** What both branches were traced with, in the order of the inputs behind the predicate. */
  readonly placeholders: readonly Tensor[];
  readonly whenTrue: Branch;
  readonly whenFalse: Branch;
}

const condOp = defineMultiOp<CondAttributes>({
  name: "If",
  infer: (_, { whenTrue }) => whenTrue.results.map(({ dtype, shape }) => ({ dtype, shape })),
  emit: (onnx, inputs, { placeholders, whenTrue, whenFalse }) => {
    const [predicate = "", ...given] = inputs;
    const body = (name: string, { results }: Branch) => ({
      body: { name, inputs: [], outputs: results, captured: namesIn(given, placeholders, whenTrue, whenFalse) },
    });
    return onnx.nodes("If", [predicate], whenTrue.results.length, {
      attributes: { then_branch: body("whenTrue", whenTrue), else_branch: body("whenFalse", whenFalse) },
    });
  },
  vjp: notDifferentiable("wrap it in customGradient, with a cond in the backward pass"),
  reference: (inputs, { placeholders, whenTrue, whenFalse }, { evaluate }) => {
    const [predicate, ...given] = inputs;
    const values: ReadonlyMap<Tensor, ReferenceArray> = namesIn(given, placeholders, whenTrue, whenFalse);
    return evaluate((predicate?.data[0] === 0 ? whenFalse : whenTrue).results, values);
  },
});

/** What stands for the placeholders and for the tensors that either branch captures. */
function namesIn<Value>(
  given: readonly Value[],
  placeholders: readonly Tensor[],
  whenTrue: Branch,
  whenFalse: Branch,
): Map<Tensor, Value> {
  const values = new Map<Tensor, Value>();
  [...placeholders, ...whenTrue.captured, ...whenFalse.captured].forEach((tensor, index) =>
    set(values, tensor, given[index]),
  );
  return values;
}

/**
 * Runs one of two functions, each traced into a graph of its own.
 *
 * What a branch computes from `inputs` is computed only where it is chosen; what it reads of the surrounding graph
 * besides is computed before, in any case. It has no gradient of its own: inside `customGradient`, the backward pass
 * chooses again.
 *
 * @param predicate bool, of one element
 * @param whenTrue gives the same names, shapes and types as `whenFalse`
 * @throws ShapeError when the predicate is not one bool, or the branches differ in what they return
 *
 * @example
 * const { y } = cond(tooLarge, { x }, ({ x }) => ({ y: safe(x) }), ({ x }) => ({ y: fast(x) }));
 */
export function cond<Inputs extends Tensors<Inputs>, Outputs extends Tensors<Outputs>>(
  predicate: Tensor,
  inputs: Inputs,
  whenTrue: (inputs: Inputs) => Outputs,
  whenFalse: (inputs: Inputs) => Outputs,
): Outputs {
  if (predicate.dtype !== "bool" || predicate.shape.some((length) => length !== 1)) {
    throw new ShapeError(problem`cond: the predicate must be one bool, got ${formatType(predicate)}${atPath()}`);
  }
  const given = listed(inputs);
  const placeholders = given.map(({ shape, dtype }, index) => input(`input${index}`, shape, dtype));
  const outputs = whenTrue(named(inputs, placeholders));
  const others: TensorRecord = whenFalse(named(inputs, placeholders));
  const branch = (results: readonly Tensor[]) => ({ results, captured: capturedTensors(placeholders, results) });
  const names = namesOf(outputs);
  const [first, second] = [branch(listed(outputs)), branch(names.flatMap((name) => others[name] ?? []))];
  const agree =
    names.length === namesOf(others).length &&
    first.results.every((tensor, index) => {
      const other = second.results[index];
      return other !== undefined && tensor.dtype === other.dtype && sameShape(tensor.shape, other.shape);
    });
  if (!agree) {
    throw new ShapeError(
      problem`cond: both branches must return the same, got ${described(outputs)} and ${described(others)}${atPath()}`,
    );
  }
  const results = condOp([predicate, ...given, ...first.captured, ...second.captured], {
    placeholders,
    whenTrue: first,
    whenFalse: second,
  });
  return named(outputs, results);
}

function described(record: TensorRecord): string {
  const entries = namesOf(record).map((name) => `${name}: ${record[name] && formatType(record[name])}`);
  return `{ ${entries.join(", ")} }`;
}
