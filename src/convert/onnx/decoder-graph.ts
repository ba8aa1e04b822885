/** The graph of one step of a decoder, whose state of fixed size goes in and comes out. */
import { ndarray, type NdArray } from "../../graph/ndarray.ts";
import type { Graph } from "../../graph/graph.ts";
import { sizeOf } from "../../graph/shape.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { ModelConfig } from "../../model/config.ts";
import { modelInputs } from "../../model/inputs.ts";
import { initialStates, logitsOfPart, namedStates, stateInputs } from "../../model/parts.ts";
import { constantPositions, type Positions } from "../../model/positions.ts";
import { cast } from "../../ops/compare.ts";
import { add } from "../../ops/elementwise.ts";
import { gather } from "../../ops/gather.ts";
import { reshape } from "../../ops/layout.ts";
import { constant, input } from "../../ops/source.ts";

/** What the names of states begin with. */
const PAST = "past";
const PRESENT = "present";
const POSITION = "position";

/** A state of the exported decoder: give `past` what the step before left as `present`, to begin with all elements `initial`. */
export interface StateDescription {
  readonly past: string;
  readonly present: string;
  readonly dtype: NdArray["dtype"];
  /** The first axis is that of the sequences. */
  readonly shape: readonly ["batch", ...number[]];
  readonly initial: number;
}

/** The states of a decoder, the position of the next token first. */
export function describeStates(config: ModelConfig): readonly StateDescription[] {
  const described = Object.entries(initialStates(config, 1, PAST)).map(([past, { dtype, shape, data }]) => ({
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

/**
 * `input_ids` `[B, 1]` int64 and the states behind the tokens before → `logits` `[B, 1, vocabSize]` of the token behind it, and the
 * states behind it. Weights and projections are inputs under their saved names.
 *
 * @param longest positions that tables serve
 */
export function decoderGraph(config: ModelConfig, batchSize: number, longest: number): Graph {
  const model = modelInputs(config);
  const tokenIds = cast(input("input_ids", [batchSize, 1], "int64"), "int32");
  const position = input(`${PAST}.${POSITION}`, [batchSize], "int64");
  const states = stateInputs(config, batchSize, PAST);
  const positions = positionsAt(config, cast(position, "int32"), longest);
  // Without ops that only some engines have.
  const part = logitsOfPart(model, tokenIds, positions, states, { form: "parallel" });
  const one = constant(ndarray(BigInt64Array.of(1n), [1]));
  return {
    outputs: {
      logits: part.logits,
      [`${PRESENT}.${POSITION}`]: add(position, one),
      ...namedStates(part.states, PRESENT),
    },
  };
}

/** Positions of one token of each sequence, looked up in tables. @param at `[B]` int32 */
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
