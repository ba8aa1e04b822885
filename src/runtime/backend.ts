/** Backends run graphs: one interface for every engine and device. */
import { problem, PerformerError, type PerformerErrorOptions, type Problem } from "../graph/errors.ts";
import type { Graph } from "../graph/graph.ts";
import { formatShape, sameShape, sizeOf } from "../graph/shape.ts";
import type { TensorType } from "../graph/tensor.ts";
import { dtypeOf, type NdArray, type TypedArray } from "../graph/ndarray.ts";
import type { WeightDtype } from "../onnx/weight-dtype.ts";

/** Where a graph runs. `reference` is float64 loops in JavaScript: slow, readable, the oracle of the tests. */
export type Device = "cpu" | "webgpu" | "wasm" | "reference";

/** Values by name; a plain typed array takes the shape that the graph declares. */
export type Feeds = Readonly<Record<string, NdArray | TypedArray>>;

export interface Executable extends AsyncDisposable {
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
  /** The size of the weights and other constants in the graph, as passed to the engine. */
  readonly constantBytes: number;
  /**
   * Runs the graph. Inputs are not copied where the engine can read them in place; outputs are fresh arrays.
   *
   * @throws RuntimeError when a value is missing, unknown, or of another type, size or shape than declared
   */
  run(feeds: Feeds): Promise<Record<string, NdArray>>;
  /** Frees the engine's memory; the executable cannot run afterwards. */
  dispose(): Promise<void>;
}

export interface WeightOptions {
  /** Values of some inputs: they become part of the compiled graph and are not given again. Default: none. */
  readonly constants?: Readonly<Record<string, NdArray>>;
  /**
   * How the weights that are part of the graph are stored. Default float32: as they are. float16 halves and int8
   * quarters them, at some cost in accuracy.
   */
  readonly dtype?: WeightDtype;
}

export interface Backend {
  readonly device: Device;
  /**
   * Checks and prepares a graph; a graph that the engine refuses is refused here, not while it runs.
   *
   * @throws RuntimeError for a dtype that the device cannot compute with
   */
  compile(graph: Graph, weights?: WeightOptions): Promise<Executable>;
}

export interface BackendOptions {
  /** Default: `cpu` in Node (`wasm` where the optional package onnxruntime-node is missing), `wasm` in browsers. */
  readonly device?: Device;
  /** Threads of one run; default: the cores that the process may use. */
  readonly threads?: number;
  /** WebGPU: refuse a graph of which the engine would run a part on the CPU; default false. */
  readonly strictDevice?: boolean;
}

/** A value that does not fit a compiled graph, or an engine that cannot be had. */
export class RuntimeError extends PerformerError {
  override readonly name = "RuntimeError";

  constructor(problems: Problem | readonly Problem[], options?: PerformerErrorOptions) {
    super(problems, "ERR_RUNTIME", options);
  }
}

/** The problem of running a graph after `dispose`. */
export const DISPOSED = problem`run: the graph must not be disposed of before it runs; compile it again`;

/** The feeds that a graph reads. Inputs that no output depends on are dropped, because `run` refuses them. */
export function feedsFor<Feed>(
  { inputs }: Pick<Executable, "inputs">,
  feeds: Readonly<Record<string, Feed | undefined>>,
): Record<string, Feed> {
  return Object.fromEntries(
    Object.entries(feeds).flatMap(([name, feed]) =>
      feed !== undefined && Object.hasOwn(inputs, name) ? [[name, feed] as const] : [],
    ),
  );
}

/** The feeds as arrays of the declared types. */
export function checkFeeds(feeds: Feeds, inputs: Readonly<Record<string, TensorType>>): Record<string, NdArray> {
  const unknown = Object.keys(feeds).filter((name) => !Object.hasOwn(inputs, name));
  if (unknown.length > 0) {
    throw new RuntimeError(
      problem`run: feeds must name inputs of the graph, got '${unknown.join("', '")}'; its inputs are
      '${Object.keys(inputs).join("', '")}'`,
    );
  }
  return Object.fromEntries(
    Object.entries(inputs).map(([name, type]) => {
      const feed = feeds[name];
      const declared = `${type.dtype}${formatShape(type.shape)}`;
      if (feed === undefined)
        throw new RuntimeError(
          problem`run: input '${name}' (${declared}) must be given, got nothing; add it to the feeds`,
        );
      const data = ArrayBuffer.isView(feed) ? feed : feed.data;
      if (dtypeOf(data) !== type.dtype || data.length !== sizeOf(type.shape)) {
        const got = `${dtypeOf(data)} with ${data.length} elements`;
        throw new RuntimeError(
          problem`run: input '${name}' must be ${declared} (${sizeOf(type.shape)} elements), got ${got}; give an array
            of this size and type`,
        );
      }
      if (!ArrayBuffer.isView(feed) && !sameShape(feed.shape, type.shape)) {
        throw new RuntimeError(
          problem`run: input '${name}' must be ${declared}, got ${feed.dtype}${formatShape(feed.shape)}; reshape it`,
        );
      }
      return [name, { dtype: type.dtype, shape: type.shape, data }];
    }),
  );
}
