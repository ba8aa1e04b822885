/** Sessions of ONNX Runtime: the code that Node and browsers share. */
import { problem } from "../graph/errors.ts";
import type * as ort from "onnxruntime-common";
import { printGraph, type Graph } from "../graph/graph.ts";
import type { DType, NdArray } from "../graph/ndarray.ts";
import type { TensorType } from "../graph/tensor.ts";
import { withConstants } from "../onnx/constants.ts";
import { encodeModel } from "../onnx/encode.ts";
import { emitGraph } from "../onnx/emit.ts";
import { initializerBytes, storeWeights } from "../onnx/weight-dtype.ts";
import {
  checkFeeds,
  DISPOSED,
  RuntimeError,
  type Backend,
  type Device,
  type Executable,
  type WeightOptions,
} from "./backend.ts";
import { checkWeights } from "./weights.ts";

/** The engine's constructors, from onnxruntime-node or onnxruntime-web. */
export interface Engine {
  readonly InferenceSession: ort.InferenceSessionFactory;
  readonly Tensor: ort.TensorConstructor;
}

/** PERFORMER_DEBUG: what a backend tells about each graph that it compiles and runs. */
export interface DebugSink {
  /**
   * 1: timings of compiling and running; 2: graph listings; 3: the .onnx files; 4: also sizes and ranges of outputs.
   */
  readonly level: number;
  readonly line: (text: string) => void;
  readonly model: (bytes: Uint8Array) => void;
}

export interface SessionBackendOptions {
  readonly device: Device;
  /** Loads the engine when the first graph is compiled. */
  readonly loadEngine: () => Promise<Engine>;
  readonly sessionOptions: ort.InferenceSession.SessionOptions;
  readonly debug?: DebugSink | undefined;
}

export function createSessionBackend({ device, loadEngine, sessionOptions, debug }: SessionBackendOptions): Backend {
  return {
    device,
    compile: async (graph: Graph, weights: WeightOptions = {}): Promise<Executable> => {
      const { constants, dtype } = checkWeights(weights, device);
      const engine = await loadEngine();
      const started = performance.now();
      const proto = storeWeights(withConstants(emitGraph(graph), constants), dtype);
      const bytes = encodeModel(proto);
      if (debug && debug.level >= 2) debug.line(printGraph(graph));
      if (debug && debug.level >= 3) debug.model(bytes);
      const session = await createSession(engine, bytes, sessionOptions, device);
      debug?.line(`compiled ${proto.nodes.length} nodes (${bytes.length} bytes) in ${elapsed(started)} ms`);
      const types = (values: typeof proto.inputs) =>
        Object.fromEntries(values.map(({ name, dtype, shape }): [string, TensorType] => [name, { dtype, shape }]));
      const inputs = types(proto.inputs);
      const outputs = types(proto.outputs);
      let released = false;
      const dispose = async () => {
        if (released) return;
        released = true;
        await session.release();
      };
      return {
        inputs,
        outputs,
        constantBytes: initializerBytes(proto),
        run: async (feeds) => {
          if (released) throw new RuntimeError(DISPOSED);
          const arrays = Object.entries(checkFeeds(feeds, inputs));
          const start = performance.now();
          const results = await session.run(
            Object.fromEntries(arrays.map(([name, array]) => [name, toEngine(engine, array)])),
          );
          debug?.line(`ran ${Object.keys(outputs).join(", ")} in ${elapsed(start)} ms`);
          const values = Object.fromEntries(
            Object.entries(outputs).map(([name, type]) => [name, fromEngine(results[name], type)]),
          );
          if (debug && debug.level >= 4)
            Object.entries(values).forEach(([name, value]) => debug.line(summary(name, value)));
          return values;
        },
        dispose,
        [Symbol.asyncDispose]: dispose,
      };
    },
  };
}

async function createSession(
  engine: Engine,
  bytes: Uint8Array,
  options: ort.InferenceSession.SessionOptions,
  device: Device,
): Promise<ort.InferenceSession> {
  try {
    return await engine.InferenceSession.create(bytes, options);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RuntimeError(problem`compile: the engine must accept the graph on device '${device}', got: ${reason}`, {
      cause: error,
    });
  }
}

function toEngine(engine: Engine, { dtype, shape, data }: NdArray): ort.Tensor {
  // The engine's constructor is overloaded by dtype; checkFeeds has matched dtype and data.
  return new engine.Tensor(dtype as "float32", data as Float32Array, shape);
}

function fromEngine(value: ort.OnnxValue | undefined, { dtype, shape }: TensorType): NdArray {
  // Every declared output is fetched, and the engine keeps the declared type.
  const { data } = value as { readonly data: NdArray["data"] };
  return { dtype: dtype satisfies DType, shape, data };
}

function elapsed(started: number): string {
  return (performance.now() - started).toFixed(1);
}

function summary(name: string, { shape, data }: NdArray): string {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const element of data) {
    least = Math.min(least, Number(element));
    most = Math.max(most, Number(element));
  }
  return `  ${name}[${shape.join(", ")}]: ${least} … ${most}`;
}
