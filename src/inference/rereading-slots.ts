/** Slots of a mechanism without a state: the tokens are kept, and all are read again for every new one. */
import { problem } from "../graph/errors.ts";
import { formFor } from "../attention/mechanism.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import { logits } from "../model/performer.ts";
import { longestSequence } from "../model/positions.ts";
import { input } from "../ops/source.ts";
import { RuntimeError, type Backend, type Executable, type WeightOptions } from "../runtime/backend.ts";
import { withWeights } from "../runtime/weights.ts";
import { createLazily, type Lazy } from "./lazy.ts";
import { useShared, type SharedGraphs } from "./shared-graphs.ts";
import type { SlotEngine } from "./slot-engine.ts";
import { constantModel } from "./step-graph.ts";

/** Lengths are rounded up to multiples of this, so that few graphs are compiled. */
const REREAD_BUCKET = 64;

/** The graph of the longest sequence so far. */
interface Graphs extends SharedGraphs {
  readonly compile: (length: number) => Promise<Executable>;
  readonly slots: number;
  readonly vocabSize: number;
  readonly maxLength: number;
  current: { readonly length: number; readonly graph: Lazy<Executable> } | undefined;
}

export function createRereadingSlots(
  config: ModelConfig,
  tensors: Named<NdArray>,
  backend: Backend,
  slots: number,
  weights: WeightOptions,
): SlotEngine {
  const stored = withWeights(backend, weights);
  const model = constantModel(config, tensors);
  const graphs: Graphs = {
    compile: (length) => {
      const ids = input("tokenIds", [slots, length], "int32");
      return stored.compile({ outputs: { logits: logits(model, ids, { form: formFor(backend.device) }) } });
    },
    slots,
    vocabSize: config.vocabSize,
    maxLength: longestSequence(config).length,
    current: undefined,
    users: 0,
  };
  return slotsOf(
    graphs,
    Array.from({ length: slots }, () => []),
  );
}

function slotsOf(graphs: Graphs, sequences: number[][]): SlotEngine {
  const { slots, vocabSize, maxLength } = graphs;
  const dispose = useShared(graphs, async () => graphs.current?.graph.dispose());
  const graphFor = async (longest: number) => {
    if (graphs.current === undefined || graphs.current.length < longest) {
      await graphs.current?.graph.dispose();
      const length = Math.min(Math.ceil(longest / REREAD_BUCKET) * REREAD_BUCKET, maxLength);
      graphs.current = { length, graph: createLazily(() => graphs.compile(length)) };
    }
    return { length: graphs.current.length, graph: await graphs.current.graph.get() };
  };
  const ofSlot = (slot: number) => sequences[slot] ?? [];
  return {
    clear: (slot, position) => {
      if (position !== 0) {
        throw new RuntimeError(
          problem`createDecoder, join: position of the first token must be 0 with a mechanism that reads its sequences
          again, got ${position}; leave it out ('start' of createDecoder, 'position' of join)`,
        );
      }
      sequences[slot] = [];
    },
    step: async (tokens) => {
      for (const [slot, token] of tokens) ofSlot(slot).push(token);
      const read = [...tokens.keys()];
      const { length, graph } = await graphFor(Math.max(...read.map((slot) => ofSlot(slot).length)));
      const tokenIds = new Int32Array(slots * length);
      for (const slot of read) tokenIds.set(ofSlot(slot), slot * length);
      const all = (await graph.run({ tokenIds }))["logits"]?.data as Float32Array; // declared float32
      const out = new Float32Array(slots * vocabSize);
      for (const slot of read) {
        const from = (slot * length + ofSlot(slot).length - 1) * vocabSize;
        out.set(all.subarray(from, from + vocabSize), slot * vocabSize);
      }
      return out;
    },
    // All but the last are only kept: the token behind them makes the graph read them.
    readChunks: async (slot, tokens) => {
      const read = Math.max(tokens.length - 1, 0);
      for (let index = 0; index < read; index++) ofSlot(slot).push(tokens[index] ?? 0);
      return { read, logits: undefined };
    },
    save: (slot) => ({ tokens: Int32Array.from(ofSlot(slot)) }),
    load: (slot, position, { tokens }) => {
      if (tokens?.length !== position) {
        throw new RuntimeError(
          problem`restore: array 'tokens' of a snapshot must have ${position} elements, got
          ${tokens?.length ?? "nothing"}; give a snapshot as snapshot() returned it`,
        );
      }
      sequences[slot] = Array.from(tokens);
    },
    clone: () =>
      slotsOf(
        graphs,
        sequences.map((tokens) => [...tokens]),
      ),
    dispose,
  };
}
