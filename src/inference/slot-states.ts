/** The states of a batch of slots, as arrays that graphs read in place and that are written between runs. */
import { problem } from "../graph/errors.ts";
import { LOG_ZERO } from "../attention/favor/normalized.ts";
import { RuntimeError } from "../runtime/backend.ts";
import type { SequenceArrays } from "./slot-engine.ts";
import { layerInputs, type StateSizes } from "./step-graph.ts";

/** One layer of all slots. */
interface LayerArrays {
  /** `[B, H, E + 1, M]`. */
  readonly sums: Float32Array;
  /** `[B, H, W, M]`. */
  readonly keys: Float32Array;
  /** `[B, H, W, E + 1]`. */
  readonly values: Float32Array;
}

export interface SlotStates {
  /** Tokens that wait in a slot's window. */
  readonly waiting: (slot: number) => number;
  /** Inputs of the step's graph. */
  readonly feeds: () => Record<string, Float32Array>;
  /** Takes up a slot's row of the step's `rows`. */
  readonly append: (slot: number, row: Float32Array) => void;
  /** Inputs of the fold's graph. */
  readonly foldFeeds: (slot: number) => Record<"sums" | "keys" | "values" | "logScales", Float32Array>;
  /** A state with nothing waiting: sums `[L, H, E + 1, M]` and maximum `[L, H]`. */
  readonly setState: (slot: number, sums: Float32Array, maximum: Float32Array) => void;
  /** The sums `[L, H, E + 1, M]` and the maximum `[L, H]` of a slot. */
  readonly state: (slot: number) => { readonly sums: Float32Array; readonly maximum: Float32Array };
  readonly clear: (slot: number) => void;
  readonly save: (slot: number) => SequenceArrays;
  readonly load: (slot: number, arrays: SequenceArrays) => void;
  readonly clone: () => SlotStates;
}

export function createSlotStates(sizes: StateSizes, slots: number): SlotStates {
  const { L, H, M, E1, W } = sizes;
  const B = slots;
  const layers = Array.from({ length: L }, () => ({
    sums: new Float32Array(B * H * E1 * M),
    keys: new Float32Array(B * H * W * M),
    values: new Float32Array(B * H * W * E1),
  }));
  const logScales = new Float32Array(B * H * L * (1 + W)).fill(LOG_ZERO);
  return statesOf(sizes, { layers, logScales, counts: new Int32Array(B) });
}

interface Storage {
  readonly layers: readonly LayerArrays[];
  /** `[B, H, L, 1 + W]`. */
  readonly logScales: Float32Array;
  /** Waiting tokens of each slot. */
  readonly counts: Int32Array;
}

function statesOf(sizes: StateSizes, storage: Storage): SlotStates {
  const { L, H, M, E1, W } = sizes;
  const { layers, logScales, counts } = storage;
  const widths = { sums: H * E1 * M, keys: H * W * M, values: H * W * E1 } as const;
  const feeds = {
    ...Object.fromEntries(
      layers.flatMap((arrays, layer) => {
        const names = layerInputs(layer);
        return (["sums", "keys", "values"] as const).map((name) => [names[name], arrays[name]] as const);
      }),
    ),
    logScales,
  };
  const ofSlot = (slot: number, name: keyof LayerArrays, layer: number) =>
    (layers[layer] as LayerArrays)[name].subarray(slot * widths[name], (slot + 1) * widths[name]); // layer < L
  const scalesWidth = H * L * (1 + W);
  const scalesOf = (slot: number) => logScales.subarray(slot * scalesWidth, (slot + 1) * scalesWidth);
  const gather = (slot: number, name: keyof LayerArrays) => {
    const all = new Float32Array(L * widths[name]);
    for (let layer = 0; layer < L; layer++) all.set(ofSlot(slot, name, layer), layer * widths[name]);
    return all;
  };
  const setState = (slot: number, sums: Float32Array, maximum: Float32Array) => {
    for (let layer = 0; layer < L; layer++) {
      ofSlot(slot, "sums", layer).set(sums.subarray(layer * widths.sums, (layer + 1) * widths.sums));
    }
    // What waited keeps its place in the arrays, and counts no more.
    const scales = scalesOf(slot).fill(LOG_ZERO);
    for (let head = 0; head < H; head++) {
      for (let layer = 0; layer < L; layer++) {
        scales[(head * L + layer) * (1 + W)] = maximum[layer * H + head] ?? LOG_ZERO;
      }
    }
    counts[slot] = 0;
  };
  const maximumOf = (slot: number) => {
    const scales = scalesOf(slot);
    return Float32Array.from({ length: L * H }, (_, index) => {
      const [layer, head] = [Math.floor(index / H), index % H];
      return scales[(head * L + layer) * (1 + W)] ?? LOG_ZERO;
    });
  };
  const empty = { sums: new Float32Array(L * widths.sums), maximum: new Float32Array(L * H).fill(LOG_ZERO) };
  return {
    waiting: (slot) => counts[slot] ?? 0,
    feeds: () => feeds,
    append: (slot, row) => {
      const index = counts[slot] ?? 0;
      const scales = scalesOf(slot);
      let from = 0;
      const take = (length: number) => row.subarray(from, (from += length));
      for (let head = 0; head < H; head++) {
        for (let layer = 0; layer < L; layer++) {
          ofSlot(slot, "keys", layer).set(take(M), (head * W + index) * M);
          ofSlot(slot, "values", layer).set(take(E1), (head * W + index) * E1);
          scales[(head * L + layer) * (1 + W) + 1 + index] = row[from++] ?? LOG_ZERO;
        }
      }
      counts[slot] = index + 1;
    },
    foldFeeds: (slot) => ({
      sums: gather(slot, "sums"),
      keys: gather(slot, "keys"),
      values: gather(slot, "values"),
      logScales: scalesOf(slot),
    }),
    setState,
    state: (slot) => ({
      sums: gather(slot, "sums"),
      maximum: maximumOf(slot),
    }),
    clear: (slot) => setState(slot, empty.sums, empty.maximum),
    save: (slot) => ({
      sums: gather(slot, "sums"),
      keys: gather(slot, "keys"),
      values: gather(slot, "values"),
      logScales: scalesOf(slot).slice(),
      waiting: Int32Array.of(counts[slot] ?? 0),
    }),
    load: (slot, arrays) => {
      const lengths = Object.entries(widths).map(([name, width]) => [name, L * width] as const);
      for (const [name, expected] of [...lengths, ["logScales", scalesWidth], ["waiting", 1]] as const) {
        const length = arrays[name]?.length;
        if (length === expected) continue;
        throw new RuntimeError(
          problem`restore: array '${name}' of a snapshot must have ${expected} elements, got ${length ?? "nothing"};
          give a snapshot as snapshot() returned it`,
        );
      }
      for (const [name, width] of Object.entries(widths) as [keyof LayerArrays, number][]) {
        // its own keys
        for (let layer = 0; layer < L; layer++) {
          ofSlot(slot, name, layer).set(arrays[name]?.subarray(layer * width, (layer + 1) * width) ?? []);
        }
      }
      scalesOf(slot).set(arrays["logScales"] ?? []);
      counts[slot] = arrays["waiting"]?.[0] ?? 0;
    },
    clone: () =>
      statesOf(sizes, {
        layers: layers.map(({ sums, keys, values }) => ({
          sums: sums.slice(),
          keys: keys.slice(),
          values: values.slice(),
        })),
        logScales: logScales.slice(),
        counts: counts.slice(),
      }),
  };
}
