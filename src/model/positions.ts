/** Where tokens stand, in the form that the configuration's position encoding reads: as constants, inputs or arrays. */
import { lazyArray, type NdArray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import { constant, input } from "../ops/source.ts";
import type { ModelConfig } from "./config-schema.ts";
import { rotaryAngles, type Places, type RotaryAngles } from "./layers.ts";
import { attentionSites, stacksOf } from "./stacks.ts";

export interface Positions {
  /** `[L]` int32, for learned positions. */
  readonly ids?: Tensor;
  /** `[L]` int32 each, for axial positions. */
  readonly cells?: { readonly rows: Tensor; readonly columns: Tensor };
  /** `[L, modelDim]`, for sinusoidal positions. */
  readonly waves?: Tensor;
  /** For rotary positions. */
  readonly angles?: RotaryAngles<Tensor>;
  /**
   * Sequences stand at positions of their own: B · L of them in the place of L, those of a sequence side by side.
   * Default: at the same.
   */
  readonly perSequence?: boolean;
}

type Encoding = Pick<ModelConfig, "positions" | "modelDim" | "headDim" | "axialShape">;

/** Names of inputs. */
const NAMES = {
  ids: "position",
  row: "position.row",
  column: "position.column",
  waves: "position.waves",
  cos: "rotary.cos",
  sin: "rotary.sin",
} as const;

type Kind = keyof typeof NAMES;
type Tables<T> = Readonly<Partial<Record<Kind, T>>>;

const kinds = Object.keys(NAMES) as readonly Kind[]; // its own keys

/** The inputs of a position encoding. */
const tablesOf = {
  rotary: (positions, { headDim }) => rotaryAngles(positions, headDim),
  learned: (positions) => ({ ids: integers(positions) }),
  axial: (positions, { axialShape: [, columns] = [1, 1] }) => ({
    row: integers(positions, (position) => Math.floor(position / columns)),
    column: integers(positions, (position) => position % columns),
  }),
  sinusoidal: (positions, { modelDim }) => ({ waves: sinusoids(positions, modelDim) }),
  none: () => ({}),
} as const satisfies Record<ModelConfig["positions"], (positions: Places, encoding: Encoding) => Tables<NdArray>>;

function integers(positions: Places, of = (position: number) => position): NdArray {
  const { length } = positions;
  return lazyArray("int32", [length], () => Int32Array.from({ length }, (_, row) => of(positions.at(row) ?? 0)));
}

/**
 * sin and cos of position · 10000^(−2i/modelDim), one behind the other: `[L, modelDim]`.
 *
 * Source: Vaswani et al., section 3.5, arXiv:1706.03762.
 */
function sinusoids(positions: Places, modelDim: number): NdArray {
  const shape = [positions.length, modelDim];
  return lazyArray("float32", shape, () => {
    const data = new Float32Array(positions.length * modelDim);
    for (let row = 0; row < positions.length; row++) {
      for (let column = 0; column < modelDim; column++) {
        const angle = (positions.at(row) ?? 0) * 10000 ** (-(column - (column % 2)) / modelDim);
        data[row * modelDim + column] = column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
      }
    }
    return data;
  });
}

function read(encoding: Encoding, positions: Places): Tables<NdArray> {
  return tablesOf[encoding.positions](positions, encoding);
}

function toPositions(tables: Tables<NdArray>, tensorOf: (kind: Kind, array: NdArray) => Tensor): Positions {
  const get = (kind: Kind) => tables[kind] && tensorOf(kind, tables[kind]);
  const [ids, rows, columns, waves, cos, sin] = kinds.map(get);
  return {
    ...(ids && { ids }),
    ...(rows && columns && { cells: { rows, columns } }),
    ...(waves && { waves }),
    ...(cos && sin && { angles: { cos, sin } }),
  };
}

/**
 * How long sequences may be, and why: without end but for positions and mechanisms that have parameters for each
 * position.
 */
export function longestSequence(config: ModelConfig): {
  readonly length: number;
  readonly reason: string;
  readonly fix: string;
} {
  const { positions, maxSeqLen, patches } = config;
  if (patches) {
    const reason = `images of ${patches.width} × ${patches.height} pixels`;
    return { length: maxSeqLen, reason, fix: "resize it" };
  }
  const fix = "train with positions 'rotary', which have no end";
  if (positions === "learned" || positions === "axial")
    return { length: maxSeqLen, reason: `${positions} positions`, fix };
  const bound = stacksOf(config)
    .flatMap(attentionSites)
    .find(({ mechanism }) => mechanism.parameters !== undefined);
  if (bound === undefined) return { length: Number.POSITIVE_INFINITY, reason: "", fix };
  const { name } = bound.mechanism;
  return { length: maxSeqLen, reason: `positions under '${name}'`, fix: `use another mechanism than '${name}'` };
}

/** The positions 0 … length − 1 as constants of the graph. */
export function constantPositions(config: Encoding, length: number): Positions {
  return toPositions(read(config, upFrom(0, length)), (_, array) => constant(array));
}

/** The positions of `length` tokens as inputs. */
export function positionInputs(config: Encoding, length: number): Positions {
  return toPositions(read(config, upFrom(0, length)), (kind, { shape, dtype }) => input(NAMES[kind], shape, dtype));
}

/** The positions of so many sequences, of each of which one token is read, as inputs. */
export function stepPositionInputs(config: Encoding, batchSize: number): Positions {
  return { ...positionInputs(config, batchSize), perSequence: true };
}

/** The positions start … start + length − 1 as arrays. */
export function positionFeeds(config: Encoding, start: number, length: number): Record<string, NdArray> {
  return feedsOf(config, upFrom(start, length));
}

/** Any positions as arrays. */
export function positionFeedsAt(config: Encoding, positions: readonly number[]): Record<string, NdArray> {
  return feedsOf(config, [...positions]); // a copy: arrays are made later, and a decoder counts its positions on
}

function feedsOf(config: Encoding, positions: Places): Record<string, NdArray> {
  const tables = Object.entries(read(config, positions)) as [Kind, NdArray][]; // the keys of Tables
  return Object.fromEntries(tables.map(([kind, array]) => [NAMES[kind], array]));
}

function upFrom(start: number, length: number): Places {
  return { length, at: (row) => start + row };
}
