/**
 * Slots of models whose layers all carry a state: a token costs the same at any position, whatever a layer's mechanism
 * carries.
 */
import { problem } from "../graph/errors.ts";
import type { NdArray, TypedArray } from "../graph/ndarray.ts";
import { formFor } from "../attention/mechanism.ts";
import { mapValues } from "../graph/records.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import { initialStates, logitsOfPart, nextStateOutputs, nextStates, stateInputs } from "../model/parts.ts";
import { positionFeeds, positionFeedsAt, stepPositionInputs } from "../model/positions.ts";
import { layerMechanisms } from "../model/stacks.ts";
import { input } from "../ops/source.ts";
import { RuntimeError, type Backend, type Executable, type WeightOptions } from "../runtime/backend.ts";
import { withWeights } from "../runtime/weights.ts";
import { createChunkGraphs, type ChunkGraphs } from "./chunk-graphs.ts";
import { useShared, type SharedGraphs } from "./shared-graphs.ts";
import type { SlotEngine } from "./slot-engine.ts";
import { constantModel } from "./step-graph.ts";

type StateArray = Float32Array | Int32Array;

/** Whether every layer carries a state, and every array of it has a row for each sequence. */
export function canStep(config: ModelConfig): boolean {
  if (layerMechanisms(config).some(({ recurrent }) => recurrent === undefined)) return false;
  return Object.values(initialStates(config, 2)).every(({ shape, data }) => shape[0] === 2 && isStateArray(data));
}

function isStateArray(data: TypedArray): data is StateArray {
  return data instanceof Float32Array || data instanceof Int32Array;
}

interface Graphs extends SharedGraphs {
  readonly config: ModelConfig;
  readonly slots: number;
  readonly step: Executable;
  readonly chunks: ChunkGraphs;
}

export async function createSteppingSlots(
  config: ModelConfig,
  tensors: Named<NdArray>,
  backend: Backend,
  slots: number,
  weights: WeightOptions,
): Promise<SlotEngine> {
  const stored = withWeights(backend, weights);
  const ids = input("tokenIds", [slots, 1], "int32");
  const part = logitsOfPart(
    constantModel(config, tensors),
    ids,
    stepPositionInputs(config, slots),
    stateInputs(config, slots),
    { form: formFor(backend.device) },
  );
  const outputs = { logits: part.logits, ...nextStateOutputs(part.states) };
  const graphs: Graphs = {
    config,
    slots,
    step: await stored.compile({ outputs }),
    chunks: createChunkGraphs(config, tensors, stored),
    users: 0,
  };
  // Written in place, so each needs an array of its own, which initial ones need not have.
  return slotsOf(graphs, copied(arraysOf(initialStates(config, slots))), Array<number>(slots).fill(0));
}

function copied(arrays: Readonly<Record<string, StateArray>>): Record<string, StateArray> {
  return mapValues(arrays, (array) => array.slice());
}

function arraysOf(states: Named<NdArray>): Record<string, StateArray> {
  return Object.fromEntries(
    Object.entries(states).flatMap(([name, { data }]) => (isStateArray(data) ? [[name, data] as const] : [])),
  );
}

/** @param states of all slots, by the names of the graphs' inputs */
function slotsOf(graphs: Graphs, states: Record<string, StateArray>, positions: number[]): SlotEngine {
  const { config, slots, step, chunks } = graphs;
  const empty = arraysOf(initialStates(config, 1));
  const dispose = useShared(graphs, async () => {
    for (const chunk of chunks.values()) await chunk.dispose();
    await step.dispose();
  });

  const rowOf = (name: string, slot: number): StateArray => {
    const all = states[name] ?? new Float32Array(0);
    const width = all.length / slots;
    return all.subarray(slot * width, (slot + 1) * width);
  };
  const ofSlot = (slot: number) => Object.fromEntries(Object.keys(states).map((name) => [name, rowOf(name, slot)]));
  const setSlot = (slot: number, rows: Readonly<Record<string, ArrayLike<number>>>) => {
    for (const name of Object.keys(states)) rowOf(name, slot).set(rows[name] ?? []);
  };
  const logitsOf = (results: Named<NdArray>) => results["logits"]?.data as Float32Array; // declared float32

  return {
    clear: (slot, position) => {
      setSlot(slot, empty);
      positions[slot] = position;
    },
    step: async (tokens) => {
      const tokenIds = new Int32Array(slots);
      for (const [slot, token] of tokens) tokenIds[slot] = token;
      const results = await step.run({ tokenIds, ...states, ...positionFeedsAt(config, positions) });
      const next = arraysOf(nextStates(results));
      for (const slot of tokens.keys()) {
        for (const [name, all] of Object.entries(next)) {
          const width = all.length / slots;
          rowOf(name, slot).set(all.subarray(slot * width, (slot + 1) * width));
        }
        positions[slot] = (positions[slot] ?? 0) + 1;
      }
      return logitsOf(results);
    },
    readChunks: async (slot, tokens) => {
      let read = 0;
      let logits: Float32Array | undefined;
      for (const [length, graph] of chunks) {
        while (tokens.length - read >= length) {
          const run = await graph.get();
          const position = positions[slot] ?? 0;
          const tokenIds = Int32Array.from({ length }, (_, index) => tokens[read + index] ?? 0);
          const results = await run.run({ tokenIds, ...ofSlot(slot), ...positionFeeds(config, position, length) });
          setSlot(slot, arraysOf(nextStates(results)));
          positions[slot] = position + length;
          read += length;
          logits = logitsOf(results).slice(-config.vocabSize);
        }
      }
      return { read, logits };
    },
    save: (slot) => copied(ofSlot(slot)),
    load: (slot, position, arrays) => {
      for (const [name, { length }] of Object.entries(ofSlot(slot))) {
        if (arrays[name]?.length === length) continue;
        throw new RuntimeError(
          problem`restore: array '${name}' of a snapshot must have ${length} elements, got
          ${arrays[name]?.length ?? "nothing"}; give a snapshot as snapshot() returned it`,
        );
      }
      setSlot(slot, arrays);
      positions[slot] = position;
    },
    clone: () => slotsOf(graphs, copied(states), [...positions]),
    dispose,
  };
}
