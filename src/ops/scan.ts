/** Scan: a graph repeated over the leading axis of sequences, carrying state; the only loop of the language. */
import { defineMultiOp } from "../graph/define-op.ts";
import { inputName } from "../graph/inputs.ts";
import { formatShape, sameShape, sizeOf } from "../graph/shape.ts";
import { formatType, type Tensor, type Tensors, type TensorRecord, type TensorType } from "../graph/tensor.ts";
import { ShapeError, problem } from "../graph/errors.ts";
import type { ReferenceArray } from "../graph/op-rule.ts";
import { add } from "./elementwise.ts";
import { full, input } from "./source.ts";
import { atPath, capturedTensors, listed, named, namesOf, set } from "./subgraph.ts";

export interface ScanOptions<
  Carry extends Tensors<Carry>,
  Items extends Tensors<Items>,
  Outputs extends Tensors<Outputs>,
> {
  /** Initial state. */
  readonly carry: Carry;
  /** Each `[steps, …]`; a step sees `[…]`. */
  readonly sequences: Items;
  /** Walk from the last step to the first; outputs stay in the order of the sequences. Default false. */
  readonly reverse?: boolean;
  /** One step: from the carried state and this step's items to the next state and this step's outputs. */
  readonly body: (carry: Carry, items: Items) => { readonly carry: Carry; readonly outputs: Outputs };
}

/** The body over lists, as the op keeps it. */
type ListBody = (
  carry: readonly Tensor[],
  items: readonly Tensor[],
) => { readonly carry: readonly Tensor[]; readonly outputs: readonly Tensor[] };

interface ScanAttributes {
  readonly body: ListBody;
  readonly reverse: boolean;
  readonly steps: number;
  readonly numCarry: number;
  readonly numSequences: number;
  /** The traced body: placeholders for carry and items, and what they lead to. */
  readonly placeholders: readonly Tensor[];
  readonly results: readonly Tensor[];
  /** Tensors of the surrounding graph that the body reads; inputs of the node behind carry and sequences. */
  readonly captured: readonly Tensor[];
}

const scanOp = defineMultiOp<ScanAttributes>({
  name: "Scan",
  infer: (_, { results, numCarry, steps }) =>
    results.map(({ dtype, shape }, index): TensorType => ({
      dtype,
      shape: index < numCarry ? shape : [steps, ...shape],
    })),
  emit: (onnx, inputs, attributes) => {
    const { placeholders, results, captured, numCarry, numSequences, reverse } = attributes;
    const given = numCarry + numSequences;
    const directions = (count: number) => ({ ints: Array.from({ length: count }, () => 1) });
    return onnx.nodes("Scan", inputs.slice(0, given), results.length, {
      attributes: {
        body: {
          body: {
            name: "body",
            inputs: placeholders,
            outputs: results,
            captured: new Map(captured.map((tensor, index) => [tensor, inputs[given + index] ?? ""])),
          },
        },
        num_scan_inputs: { int: numSequences },
        ...(reverse && {
          scan_input_directions: directions(numSequences),
          scan_output_directions: directions(results.length - numCarry),
        }),
      },
    });
  },
  // The states before each step are computed once more, as outputs of a second Scan; a third one walks back over them.
  vjp: ({ inputs, outputGradients, attributes, backpropagate }) => {
    const { body, captured, numCarry, numSequences, reverse } = attributes;
    const initial = inputs.slice(0, numCarry);
    const sequences = inputs.slice(numCarry, numCarry + numSequences);
    const forward = scanLists({
      carry: initial,
      sequences,
      reverse,
      body: (carry, items) => ({ carry: body(carry, items).carry, outputs: carry }),
    });
    const zero = (type: TensorType) => full(type.shape, 0);
    const accumulated = captured.filter(hasGradient);
    const outputGradientsOfSteps = outputGradients.slice(numCarry);
    const backward = scanLists({
      carry: [...initial.map((type, index) => outputGradients[index] ?? zero(type)), ...accumulated.map(zero)],
      sequences: [...sequences, ...forward.outputs, ...outputGradientsOfSteps.flatMap((gradient) => gradient ?? [])],
      reverse: !reverse,
      body: (carry, items) => {
        const xs = items.slice(0, numSequences);
        const states = items.slice(numSequences, numSequences + numCarry);
        let nextItem = numSequences + numCarry;
        const dOutputs = outputGradientsOfSteps.map((gradient) => gradient && items[nextItem++]);
        const step = body(states, xs);
        const results = [...step.carry, ...step.outputs];
        // Traced again, the body computes anew what it reads but what does not depend on its arguments, in the same
        // order.
        const read = capturedTensors([...states, ...xs], results);
        const gradients = backpropagate(
          results,
          [...carry.slice(0, numCarry), ...dOutputs],
          [...states, ...xs, ...read],
        );
        const at = (index: number, type: Tensor) => gradients[index] ?? zero(type);
        const sums = carry.slice(numCarry).values();
        const nextSums = read.flatMap((tensor, index) => {
          const before = hasGradient(tensor) ? sums.next().value : undefined;
          const gradient = gradients[numCarry + numSequences + index];
          return before && gradient ? add(before, gradient) : (before ?? []);
        });
        return {
          carry: [...states.map((type, index) => at(index, type)), ...nextSums],
          outputs: xs.map((type, index) => at(numCarry + index, type)),
        };
      },
    });
    const byCaptured = new Map(accumulated.map((tensor, index) => [tensor, backward.carry[numCarry + index]]));
    return [
      ...backward.carry.slice(0, numCarry),
      ...backward.outputs,
      ...captured.map((tensor) => byCaptured.get(tensor)),
    ];
  },
  reference: (inputs, attributes, { evaluate }) => {
    const { placeholders, results, captured, numCarry, numSequences, steps, reverse } = attributes;
    let carry = inputs.slice(0, numCarry);
    const outputs = results.slice(numCarry).map(({ shape }) => new Float64Array(steps * sizeOf(shape)));
    for (let step = 0; step < steps; step++) {
      const position = reverse ? steps - 1 - step : step;
      const items = inputs.slice(numCarry, numCarry + numSequences).map((sequence): ReferenceArray => {
        const shape = sequence.shape.slice(1);
        const size = sizeOf(shape);
        return { shape, data: sequence.data.subarray(position * size, (position + 1) * size) };
      });
      const given = new Map<Tensor, ReferenceArray>();
      captured.forEach((tensor, index) => set(given, tensor, inputs[numCarry + numSequences + index]));
      placeholders.forEach((tensor, index) => set(given, tensor, [...carry, ...items][index]));
      const values = evaluate(results, given);
      carry = values.slice(0, numCarry);
      outputs.forEach((data, index) => {
        const value = values[numCarry + index];
        if (value !== undefined) data.set(value.data, position * value.data.length);
      });
    }
    return [
      ...carry,
      ...outputs.map((data, index) => ({ shape: [steps, ...(results[numCarry + index]?.shape ?? [])], data })),
    ];
  },
});

/**
 * Runs a body once for each position of the sequences' leading axis.
 *
 * The body may read any tensor of the surrounding graph; what does not depend on its own arguments is computed once,
 * outside. Memory holds one step's intermediates, whatever the length.
 *
 * @returns the last state, and the outputs of all steps `[steps, …]`
 * @throws ShapeError when sequences differ in length or the body changes the state's type
 *
 * @example
 * const { outputs } = scan({
 *   carry: { total: full([3], 0) },
 *   sequences: { x },
 *   body: ({ total }, { x }) => { const next = add(total, x); return { carry: { total: next }, outputs: { next } }; },
 * });
 */
export function scan<Carry extends Tensors<Carry>, Items extends Tensors<Items>, Outputs extends Tensors<Outputs>>(
  options: ScanOptions<Carry, Items, Outputs>,
): { readonly carry: Carry; readonly outputs: Outputs } {
  const { carry, sequences, body, reverse = false } = options;
  let outputNames: readonly string[] = [];
  const result = scanLists({
    carry: listed(carry),
    sequences: listed(sequences),
    reverse,
    body: (states, items) => {
      const step = body(named(carry, states), named(sequences, items));
      outputNames = namesOf(step.outputs);
      const returned: TensorRecord = step.carry;
      const next = namesOf(carry).map((name) => {
        const tensor = returned[name];
        if (tensor === undefined)
          throw new ShapeError(problem`scan: the body must return state '${name}', got nothing${atPath()}`);
        return tensor;
      });
      return { carry: next, outputs: listed(step.outputs) };
    },
  });
  const outputs = Object.fromEntries(outputNames.map((name, index) => [name, result.outputs[index]]));
  return { carry: named(carry, result.carry), outputs: outputs as Outputs }; // the names are those of the body's record
}

function scanLists({
  carry,
  sequences,
  reverse,
  body,
}: {
  readonly carry: readonly Tensor[];
  readonly sequences: readonly Tensor[];
  readonly reverse: boolean;
  readonly body: ListBody;
}): { readonly carry: readonly Tensor[]; readonly outputs: readonly Tensor[] } {
  const steps = sequences[0]?.shape[0];
  if (steps === undefined || sequences.some(({ shape }) => shape[0] !== steps)) {
    const got = sequences.map(({ shape }) => formatShape(shape)).join(", ");
    throw new ShapeError(
      problem`scan: sequences must share their leading axis, got ${got === "" ? "none" : got}${atPath()}`,
    );
  }
  const placeholder = ({ dtype }: TensorType, shape: readonly number[], name: string) => input(name, shape, dtype);
  const states = carry.map((tensor, index) => placeholder(tensor, tensor.shape, `carry${index}`));
  const items = sequences.map((tensor, index) => placeholder(tensor, tensor.shape.slice(1), `item${index}`));
  const traced = body(states, items);
  traced.carry.forEach((next, index) => {
    const before = states[index];
    if (before === undefined || !sameShape(next.shape, before.shape) || next.dtype !== before.dtype) {
      const expected = before === undefined ? "nothing" : formatType(before);
      throw new ShapeError(
        problem`scan: state ${index} must keep its type ${expected}, got ${formatType(next)}${atPath()}`,
      );
    }
  });
  const placeholders = [...states, ...items];
  const results = [...traced.carry, ...traced.outputs];
  const captured = capturedTensors(placeholders, results);
  const outputs = scanOp([...carry, ...sequences, ...captured], {
    body,
    reverse,
    steps,
    numCarry: carry.length,
    numSequences: sequences.length,
    placeholders,
    results,
    captured,
  });
  return { carry: outputs.slice(0, carry.length), outputs: outputs.slice(carry.length) };
}

/** Whether a captured tensor can have a gradient: constants and integers need no sum of it. */
function hasGradient({ dtype, node }: Tensor): boolean {
  return dtype === "float32" && (node.inputs.length > 0 || inputName(node) !== undefined);
}
