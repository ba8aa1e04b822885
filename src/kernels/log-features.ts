/** Logarithms of positive features, block by block of rows, on the engine. */
import type { FeatureMap, Features, MapInputs, Statistics } from "../attention/feature-map.ts";
import { checked } from "../attention/favor/maps/features.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import { add, exp, log, maximum, sub } from "../ops/elementwise.ts";
import { reshape } from "../ops/layout.ts";
import { max } from "../ops/maximum-along.ts";
import { sum } from "../ops/reduce.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import { compile, type InputSpec } from "../runtime/compile.ts";
import type { Rows } from "./arguments.ts";
import { asHead } from "./terms.ts";

/**
 * Rows that the engine takes at once. Items of a block share one row of sums: larger blocks need less memory and make a
 * draw from a block slower.
 */
export const ROWS_PER_BLOCK = 128;

/** Below every logarithm of a feature; a finite number, so that nothing is taken from −∞. */
const LEAST_LOG = -1e37;

/** What the graphs are built from. */
export interface LogFeatureOptions {
  readonly map: FeatureMap;
  /** `[M, D]`. */
  readonly projection: NdArray;
  /** Frozen, for maps that measure. */
  readonly statistics: Readonly<Record<string, NdArray>>;
  readonly backend: Backend | undefined;
}

/** A block of items: log φ of each, and their sums, still as maximum and remainder. */
export interface ItemBlock {
  /** `[ROWS_PER_BLOCK, M']`; −∞ past the last item. */
  readonly logs: Float32Array;
  /** `[M']`: near the largest log φ_m of the block. */
  readonly top: Float32Array;
  /** `[M']`: Σ exp(log φ_m − top_m). */
  readonly total: Float32Array;
}

export interface LogFeatures {
  /** log φ of one block of queries: `[ROWS_PER_BLOCK, D]` → `[ROWS_PER_BLOCK, M']`. */
  readonly queries: (rows: Float32Array) => Promise<Float32Array>;
  /** @param count how many of the rows are items; the others count for nothing */
  readonly items: (rows: Float32Array, count: number) => Promise<ItemBlock>;
  readonly dispose: () => Promise<void>;
}

/** @throws GraphError when the map gives other features than it says */
export async function compileLogFeatures(options: LogFeatureOptions): Promise<LogFeatures> {
  const { map, projection, statistics, backend } = options;
  const width = projection.shape[1] ?? 0;
  const constants = { projection, ...prefixed(statistics) };
  const shapes: Record<string, InputSpec> = { rows: [ROWS_PER_BLOCK, width] };
  for (const [name, { shape }] of Object.entries(constants)) shapes[name] = shape;
  const on = backend && { backend };
  const queries = await compile((tensors) => ({ logs: logsOf(map, tensors, "q") }), shapes, on);
  try {
    const items = await compile(
      ({ padding, ...tensors }) => {
        const logs = add(logsOf(map, tensors, "k"), padding);
        const top = maximum(max(logs, { axes: [0], keepDims: true }), LEAST_LOG);
        return { logs, top, total: sum(exp(sub(logs, top)), { axes: [0] }) };
      },
      { ...shapes, padding: [ROWS_PER_BLOCK, 1] },
      on,
    );
    return {
      queries: async (rows) => float32((await queries.run({ rows, ...constants }))["logs"]),
      items: async (rows, count) => {
        const padding = new Float32Array(ROWS_PER_BLOCK).fill(Number.NEGATIVE_INFINITY, count);
        const { logs, top, total } = await items.run({ rows, padding, ...constants });
        return { logs: float32(logs), top: float32(top), total: float32(total) };
      },
      dispose: async () => {
        await queries.dispose();
        await items.dispose();
      },
    };
  } catch (error) {
    await queries.dispose();
    throw error;
  }
}

/** Statistics that a map measures on sample queries and all items, to be frozen. */
export async function measureOnRows(
  map: FeatureMap,
  queries: Rows,
  items: Rows,
  backend: Backend | undefined,
): Promise<Readonly<Record<string, NdArray>>> {
  const { statistics } = map;
  if (statistics === undefined) return {};
  const executable: Executable = await compile(
    ({ q, k }) => statistics.measure(asHead(q), asHead(k), {}),
    { q: [queries.length, queries.width], k: [items.length, items.width] },
    backend && { backend },
  );
  try {
    return await executable.run({ q: queries.data, k: items.data });
  } finally {
    await executable.dispose();
  }
}

const STATISTICS = "statistics.";

function prefixed(statistics: Readonly<Record<string, NdArray>>): Record<string, NdArray> {
  return Object.fromEntries(Object.entries(statistics).map(([name, array]) => [STATISTICS + name, array]));
}

/** log φ of rows as queries or as keys: `[R, D]` → `[R, M']`. */
function logsOf(map: FeatureMap, tensors: Readonly<Record<string, Tensor>>, side: "q" | "k"): Tensor {
  const { rows = missing("rows"), projection = missing("projection") } = tensors;
  const head = asHead(rows);
  const plain: MapInputs = { q: head, k: head, projection };
  const statistics: Statistics = Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      name.startsWith(STATISTICS) ? [[name.slice(STATISTICS.length), tensor]] : [],
    ),
  );
  const adapted = map.statistics ? map.statistics.adapt(plain, statistics) : plain;
  const logs = logarithms(checked(map, map.features(adapted[side], adapted.projection)));
  return reshape(logs, [rows.shape[0] ?? 0, -1]);
}

function logarithms(features: Features): Tensor {
  switch (features.kind) {
    case "exponential":
      return sub(features.logits, features.shift);
    case "scaled":
      return add(log(features.features), features.logScale);
    case "plain":
      return log(features.features);
  }
}

/** Results are float32, or float64 from the reference backend. */
function float32(array: NdArray | undefined): Float32Array {
  return array?.data instanceof Float32Array ? array.data : Float32Array.from((array?.data ?? []) as Float64Array);
}

function missing(name: string): never {
  throw new TypeError(`compileLogFeatures: input '${name}' must be declared, got nothing`);
}
