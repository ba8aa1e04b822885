/**
 * Which graphs a way of execution compiles, known without compiling them, and the compiled ones, each kept while the
 * run lasts.
 */
import type { Tensor } from "../graph/tensor.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Backend, Executable } from "../runtime/backend.ts";
import type { BatchShape } from "../data/batch.ts";

/** A graph for one shape of batch, of part or of rows. */
export interface PlannedGraph {
  /** The graph's outputs, for any shape. */
  readonly kind: string;
  readonly shape: BatchShape;
  /** Kind and shape: names the graph among all of a way of execution. */
  readonly key: string;
  /** Its outputs, for the model or, where the graph holds all layers, for one of other depth. */
  readonly build: (config: ModelConfig) => Record<string, Tensor>;
}

/** The graphs that a batch needs. */
export interface GraphPlan {
  readonly training: (shape: BatchShape) => readonly PlannedGraph[];
  readonly evaluation: (shape: BatchShape) => readonly PlannedGraph[];
}

/** A kind of graph, to be had for any shape. */
export function planned(
  kind: string,
  build: (config: ModelConfig, shape: BatchShape) => Record<string, Tensor>,
): (shape: BatchShape) => PlannedGraph {
  return ({ batchSize, seqLen, targetLen = seqLen, sourceLen }) => {
    const shape: BatchShape = { batchSize, seqLen, targetLen, ...(sourceLen !== undefined && { sourceLen }) };
    const source = sourceLen === undefined ? "" : ` from ${sourceLen}`;
    const target = targetLen === seqLen ? "" : ` to ${targetLen}`;
    return {
      kind,
      shape,
      key: `${kind} ${batchSize}x${seqLen}${source}${target}`,
      build: (config) => build(config, shape),
    };
  };
}

/** Compiled graphs by key; each is compiled once, when it is first needed. */
export interface GraphCache extends AsyncDisposable {
  readonly get: (graph: PlannedGraph) => Promise<Executable>;
}

export function createGraphCache(config: ModelConfig, backend: Backend): GraphCache {
  const compiled = new Map<string, Promise<Executable>>();
  return {
    get: ({ key, build }) => {
      let executable = compiled.get(key);
      if (executable === undefined) {
        executable = backend.compile({ outputs: build(config) });
        compiled.set(key, executable);
      }
      return executable;
    },
    [Symbol.asyncDispose]: async () => {
      const settled = await Promise.allSettled(compiled.values());
      for (const result of settled) if (result.status === "fulfilled") await result.value.dispose();
      compiled.clear();
    },
  };
}
