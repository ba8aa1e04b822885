/** The graph of a decoder whose state of fixed size goes in and comes out: of one token, or of any number of them. */
import { countingUp, ndarray, type NdArray } from "../../graph/ndarray.ts";
import type { Graph } from "../../graph/graph.ts";
import { sizeOf } from "../../graph/shape.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { ModelConfig } from "../../model/config.ts";
import { modelInputs } from "../../model/inputs.ts";
import { initialStates, logitsOfPart, namedStates, stateInputs, type RecurrenceForm } from "../../model/parts.ts";
import { constantPositions, type Positions } from "../../model/positions.ts";
import { cast } from "../../ops/compare.ts";
import { add } from "../../ops/elementwise.ts";
import { gather } from "../../ops/gather.ts";
import { reshape } from "../../ops/layout.ts";
import { constant, input } from "../../ops/source.ts";

/** The prefixes of states' names. */
const PAST = "past";
const PRESENT = "present";
const POSITION = "position";

/**
 * A state of the exported decoder: give `past` what the step before left as `present`, to begin with all elements
 * `initial`.
 */
export interface StateDescription {
  readonly past: string;
  readonly present: string;
  readonly dtype: NdArray["dtype"];
  /** The first axis is that of the sequences. */
  readonly shape: readonly ["batch", ...number[]];
  readonly initial: number;
}

/** The states of a decoder, the position of the next token first. */
export function describeStates(config: ModelConfig, form: RecurrenceForm): readonly StateDescription[] {
  const described = Object.entries(initialStates(config, 1, PAST, form)).map(([past, { dtype, shape, data }]) => ({
    past,
    present: PRESENT + past.slice(PAST.length),
    dtype,
    shape: ["batch", ...shape.slice(1)] as const,
    // Every mechanism's state begins with one number throughout.
    initial: Number(data[0] ?? 0),
  }));
  const names = [PAST, PRESENT].map((prefix) => `${prefix}.${POSITION}`) as [string, string]; // two went in
  return [{ past: names[0], present: names[1], dtype: "int64", shape: ["batch"], initial: 0 }, ...described];
}

export interface DecoderGraphSizes {
  readonly batchSize: number;
  /** Tokens of a part. */
  readonly length: number;
  /** Positions that tables serve. */
  readonly longest: number;
}

/**
 * `input_ids` `[B, L]` int64 and the states behind the tokens before → `logits` `[B, L, vocabSize]` of the tokens
 * behind them, and the states behind the last. Weights and projections are inputs under their saved names.
 *
 * @param form `own` has standard ops alone and is for L = 1, `any-length` has the same nodes at any L
 */
export function decoderGraph(
  config: ModelConfig,
  { batchSize, length, longest }: DecoderGraphSizes,
  form: RecurrenceForm,
): Graph {
  const model = modelInputs(config);
  const tokenIds = cast(input("input_ids", [batchSize, length], "int64"), "int32");
  const position = input(`${PAST}.${POSITION}`, [batchSize], "int64");
  const states = stateInputs(config, batchSize, PAST, form);
  const positions = positionsAt(config, positionsFrom(cast(position, "int32"), length), longest);
  const part = logitsOfPart(model, tokenIds, positions, states, { form: "parallel", recurrence: form });
  const read = constant(ndarray(BigInt64Array.of(BigInt(length)), [1]));
  return {
    outputs: {
      logits: part.logits,
      [`${PRESENT}.${POSITION}`]: add(position, read),
      ...namedStates(part.states, PRESENT),
    },
  };
}

/** first, first + 1, … of each sequence: `[B]` int32 → `[B · L]`. */
function positionsFrom(first: Tensor, length: number): Tensor {
  if (length === 1) return first;
  const steps = constant(countingUp("int32", [1, length]));
  return reshape(add(reshape(first, [-1, 1]), steps), [(first.shape[0] ?? 1) * length]);
}

/** Looked up in tables. @param at `[B · L]` int32 */
function positionsAt(config: ModelConfig, at: Tensor, longest: number): Positions {
  const tables = constantPositions(config, longest);
  const rows = (table: Tensor) => {
    const [length = 1, ...rest] = table.shape;
    const found = gather(reshape(table, [length, sizeOf(rest)]), at);
    return reshape(found, [at.shape[0] ?? 1, ...rest]);
  };
  const { ids, cells, waves, angles } = tables;
  return {
    perSequence: true,
    // A table of the numbers from 0 on.
    ...(ids && { ids: at }),
    ...(cells && { cells: { rows: rows(cells.rows), columns: rows(cells.columns) } }),
    ...(waves && { waves: rows(waves) }),
    ...(angles && { angles: { cos: rows(angles.cos), sin: rows(angles.sin) } }),
  };
}
