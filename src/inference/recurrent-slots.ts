/** Slots of a mechanism with a state of fixed size: a token costs the same at any position. */
import type { WindowedForm } from "../attention/mechanism.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import { initialStates, nextStates } from "../model/parts.ts";
import { positionFeeds } from "../model/positions.ts";
import type { Backend, Executable, WeightOptions } from "../runtime/backend.ts";
import { withWeights } from "../runtime/weights.ts";
import { createChunkGraphs, type ChunkGraphs } from "./chunk-graphs.ts";
import { createLazily, type Lazy } from "./lazy.ts";
import { useShared, type SharedGraphs } from "./shared-graphs.ts";
import { createSlotStates, type SlotStates } from "./slot-states.ts";
import type { SlotEngine } from "./slot-engine.ts";
import { foldOutputs, stateSizes, stepOutputs } from "./step-graph.ts";

interface Graphs extends SharedGraphs {
  readonly config: ModelConfig;
  readonly form: WindowedForm;
  readonly slots: number;
  readonly step: Executable;
  readonly fold: Lazy<Executable>;
  readonly chunks: ChunkGraphs;
}

export async function createRecurrentSlots(
  config: ModelConfig,
  form: WindowedForm,
  tensors: Named<NdArray>,
  backend: Backend,
  slots: number,
  weights: WeightOptions,
): Promise<SlotEngine> {
  const stored = withWeights(backend, weights);
  const step = await stored.compile({ outputs: stepOutputs(config, form, tensors, slots) });
  const graphs: Graphs = {
    config,
    form,
    slots,
    step,
    fold: createLazily(() => backend.compile({ outputs: foldOutputs(config, form) })),
    chunks: createChunkGraphs(config, tensors, stored),
    users: 0,
  };
  return slotsOf(graphs, createSlotStates(stateSizes(config, form), slots), new Float64Array(slots));
}

function slotsOf(graphs: Graphs, states: SlotStates, positions: Float64Array): SlotEngine {
  const { config, form, slots, step, fold, chunks } = graphs;
  const sizes = stateSizes(config, form);
  const { headDim } = config;
  const frequencies = Array.from({ length: headDim / 2 }, (_, i) => 10000 ** (-i / (headDim / 2)));
  const dispose = useShared(graphs, async () => {
    for (const graph of [fold, ...chunks.values()]) await graph.dispose();
    await step.dispose();
  });

  const positionRows = (): Record<string, Float32Array | Int32Array> => {
    if (config.positions === "learned") return { position: Int32Array.from(positions) };
    // As rotaryAngles: in float64 until the end.
    const cos = new Float32Array(slots * frequencies.length);
    const sin = new Float32Array(cos.length);
    positions.forEach((position, slot) =>
      frequencies.forEach((frequency, i) => {
        cos[slot * frequencies.length + i] = Math.cos(position * frequency);
        sin[slot * frequencies.length + i] = Math.sin(position * frequency);
      }),
    );
    return { "rotary.cos": cos, "rotary.sin": sin };
  };

  /**
   * Adds a full window to the state. The moment depends on the sequence's own tokens alone, so no other changes its
   * rounding.
   */
  const foldFull = async (slot: number) => {
    if (states.waiting(slot) < sizes.W) return;
    const run = await fold.get();
    const results = await run.run(states.foldFeeds(slot));
    const dataOf = (name: string) => results[name]?.data as Float32Array; // declared float32
    states.setState(slot, dataOf("next.sums"), dataOf("next.maximum"));
  };

  return {
    clear: (slot, position) => {
      states.clear(slot);
      positions[slot] = position;
    },
    step: async (tokens) => {
      const tokenIds = new Int32Array(slots);
      for (const [slot, token] of tokens) tokenIds[slot] = token;
      const results = await step.run({ tokenIds, ...states.feeds(), ...positionRows() });
      const rows = results["rows"]?.data as Float32Array; // declared float32
      const width = rows.length / slots;
      for (const slot of tokens.keys()) {
        states.append(slot, rows.subarray(slot * width, (slot + 1) * width));
        positions[slot] = (positions[slot] ?? 0) + 1;
        await foldFull(slot);
      }
      return results["logits"]?.data as Float32Array; // declared float32
    },
    readChunks: async (slot, tokens) => {
      let read = 0;
      let logits: Float32Array | undefined;
      for (const [length, graph] of chunks) {
        while (tokens.length - read >= length && states.waiting(slot) === 0) {
          const run = await graph.get();
          const position = positions[slot] ?? 0;
          const part = Int32Array.from({ length }, (_, index) => tokens[read + index] ?? 0);
          const before = partStates(config, sizes.L, states.state(slot));
          const results = await run.run({ tokenIds: part, ...before, ...positionFeeds(config, position, length) });
          const { sums, maximum } = joinStates(config, nextStates(results));
          states.setState(slot, sums, maximum);
          positions[slot] = position + length;
          read += length;
          const all = results["logits"]?.data as Float32Array; // declared float32
          logits = all.slice(-config.vocabSize);
        }
      }
      return { read, logits };
    },
    save: states.save,
    load: (slot, position, arrays) => {
      states.load(slot, arrays);
      positions[slot] = position;
    },
    clone: () => slotsOf(graphs, states.clone(), positions.slice()),
    dispose,
  };
}

/** A slot's state as the inputs of a part's graph: layer by layer, with a maximum only for maps that have one. */
function partStates(
  config: ModelConfig,
  L: number,
  { sums, maximum }: { readonly sums: Float32Array; readonly maximum: Float32Array },
): Record<string, Float32Array> {
  const of = (all: Float32Array, layer: number) =>
    all.subarray((layer * all.length) / L, ((layer + 1) * all.length) / L);
  const names = Object.keys(initialStates(config, 1));
  return Object.fromEntries(
    names.map((name) => {
      const [, layer, kind] = name.split(".");
      return [name, of(kind === "sums" ? sums : maximum, Number(layer))];
    }),
  );
}

/** The way back. Without a maximum all scales are 1. */
function joinStates(config: ModelConfig, states: Named<NdArray>) {
  const joined = (kind: string) => {
    const parts = Object.entries(states).flatMap(([name, { data }]) => (name.endsWith(`.${kind}`) ? [data] : []));
    const all = new Float32Array(parts.reduce((total, { length }) => total + length, 0));
    parts.forEach((part, layer) => all.set(part as Float32Array, layer * part.length)); // declared float32
    return all;
  };
  const maximum = joined("maximum");
  return {
    sums: joined("sums"),
    maximum: maximum.length > 0 ? maximum : new Float32Array(config.numLayers * config.numHeads),
  };
}
