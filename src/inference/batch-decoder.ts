/**
 * Continuous batching: sequences join and leave a batch of slots at any time, each at its own position with its own
 * state.
 *
 * What a sequence is told depends on its own tokens alone: not on its slot, nor on which others are there. To the last
 * bit where modelDim, mlpDim and 2 · numHeads · features are multiples of 16, the width of the engine's vectors; with
 * other widths, up to the rounding of float32, because functions such as exp round the end of an array otherwise than
 * its middle.
 */
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import { ConfigError, problem } from "../graph/errors.ts";
import { longestSequence } from "../model/positions.ts";
import { checkTensors } from "../model/tensors.ts";
import { RuntimeError, type Backend, type WeightOptions } from "../runtime/backend.ts";
import { fingerprint } from "./fingerprint.ts";
import { createRecurrentSlots } from "./recurrent-slots.ts";
import { createRereadingSlots } from "./rereading-slots.ts";
import type { SequenceArrays, SlotEngine } from "./slot-engine.ts";
import { windowedForm } from "./step-graph.ts";
import { canStep, createSteppingSlots } from "./stepping-slots.ts";

export interface BatchDecoderOptions extends Pick<WeightOptions, "dtype"> {
  /** Sequences that are decoded side by side. Default 16: a step then costs about five times that of one sequence. */
  readonly slots?: number;
}

/** All that a decoder knows of a sequence, in plain arrays: it can be stored, sent and structured-cloned. */
export interface SequenceSnapshot {
  /** Identifies the weights and the configuration that the arrays belong to. */
  readonly model: string;
  /** Position of the next token. */
  readonly position: number;
  readonly arrays: SequenceArrays;
}

/** Slots are numbered from 0. */
export interface BatchDecoder extends AsyncDisposable {
  readonly slots: number;
  /** Slots that hold a sequence. */
  readonly active: readonly number[];
  /** Position of the sequence's next token. */
  readonly position: (slot: number) => number;
  /**
   * Starts a sequence in a free slot.
   *
   * @param position of its first token. Default 0, and nothing else with mechanisms without a state, which read their
   *   sequences again
   * @returns the slot
   * @throws RuntimeError when all slots are taken, and for a position other than 0 with a mechanism that reads its
   *   sequences again
   */
  readonly join: (position?: number) => number;
  /** Frees a slot. */
  readonly leave: (slot: number) => void;
  /**
   * Reads prompts, in parts of up to 512 tokens and what is left of them token by token, all slots together.
   *
   * @param prompts at least one token for each of some slots
   * @returns logits of the token behind each prompt, `[vocabSize]`
   */
  readonly prefill: (prompts: ReadonlyMap<number, ArrayLike<number>>) => Promise<ReadonlyMap<number, Float32Array>>;
  /**
   * Reads one token of each of some slots; the others stay where they are.
   *
   * @returns logits of the token behind, `[vocabSize]`
   */
  readonly step: (tokens: ReadonlyMap<number, number>) => Promise<ReadonlyMap<number, Float32Array>>;
  /** A copy of what is known of a sequence. */
  readonly snapshot: (slot: number) => SequenceSnapshot;
  /**
   * Continues a sequence in a free slot, of this decoder or of any other of the same model.
   *
   * @throws RuntimeError for a snapshot of another model, and when all slots are taken
   */
  readonly restore: (snapshot: SequenceSnapshot) => number;
  /** Lets a copy of a sequence go on in a free slot. */
  readonly fork: (slot: number) => number;
}

/**
 * @param tensors weights and projections; they become constants of the compiled graphs
 * @throws RuntimeError for a number of slots that is none, or a dtype that the device does not have
 */
export async function createBatchDecoder(
  config: ModelConfig,
  tensors: Named<NdArray>,
  backend: Backend,
  { slots = 16, ...weights }: BatchDecoderOptions = {},
): Promise<BatchDecoder> {
  const engine = await createSlotEngine(config, tensors, backend, slots, weights);
  return batchOf(
    { config, model: fingerprint(config, tensors) },
    engine,
    Array<number | undefined>(slots).fill(undefined),
  );
}

/** The slots that suit a model's mechanism. */
export async function createSlotEngine(
  config: ModelConfig,
  tensors: Named<NdArray>,
  backend: Backend,
  slots: number,
  weights: WeightOptions,
): Promise<SlotEngine> {
  if (!Number.isInteger(slots) || slots < 1) {
    throw new RuntimeError(
      problem`createDecoder: sequences must be a positive whole number, got ${slots}; decode at least one`,
    );
  }
  checkDecodes(config);
  checkTensors(config, tensors, "createDecoder");
  const windowed = windowedForm(config);
  if (windowed !== undefined) return createRecurrentSlots(config, windowed, tensors, backend, slots, weights);
  return canStep(config)
    ? createSteppingSlots(config, tensors, backend, slots, weights)
    : createRereadingSlots(config, tensors, backend, slots, weights);
}

function checkDecodes({ architecture }: ModelConfig): void {
  if (architecture === "decoder") return;
  const fix =
    architecture === "encoder"
      ? "an encoder predicts all positions at once: use 'predictions'"
      : "use createSequenceToSequenceDecoder";
  throw new ConfigError(problem`createDecoder: architecture must be 'decoder', got '${architecture}'; ${fix}`);
}

/** @throws ConfigError for a position beyond a table of them */
export function checkPosition(config: ModelConfig, position: number): void {
  if (position < config.maxSeqLen) return;
  const { length, reason, fix } = longestSequence(config);
  if (position < length) return;
  throw new ConfigError(
    problem`generate: ${reason} must stay below maxSeqLen ${length}, got position ${position}; ask for fewer tokens, or
    ${fix}`,
  );
}

/** @throws RuntimeError for an id outside the vocabulary, which the engine would count from the end or refuse */
export function checkToken({ vocabSize }: ModelConfig, token: number): void {
  if (Number.isInteger(token) && token >= 0 && token < vocabSize) return;
  throw new RuntimeError(
    problem`decode: a token must be a whole number from 0 to ${vocabSize - 1}, got ${token}; encode with the model's
    vocabulary`,
  );
}

interface Known {
  readonly config: ModelConfig;
  readonly model: string;
}

/** @param positions of the sequences, undefined for free slots */
function batchOf({ config, model }: Known, engine: SlotEngine, positions: (number | undefined)[]): BatchDecoder {
  const slots = positions.length;
  const { vocabSize } = config;
  const position = (slot: number): number => {
    const found = positions[slot];
    if (found !== undefined) return found;
    const taken = active();
    throw new RuntimeError(
      problem`decode: slot must be one that holds a sequence (${taken.length === 0 ? "none does" : taken.join(", ")}),
      got ${slot}; join() gives one`,
    );
  };
  const active = () => positions.flatMap((each, slot) => (each === undefined ? [] : [slot]));
  const freeSlot = (): number => {
    const free = positions.indexOf(undefined);
    if (free >= 0) return free;
    throw new RuntimeError(
      problem`decode: a slot must be free, got ${slots} of ${slots} taken; let a sequence leave(), or create the decoder
      with more slots`,
    );
  };
  const check = (slot: number, tokens: ArrayLike<number>) => {
    checkPosition(config, position(slot) + tokens.length - 1);
    for (let index = 0; index < tokens.length; index++) checkToken(config, tokens[index] ?? Number.NaN);
  };
  const step = async (tokens: ReadonlyMap<number, number>) => {
    for (const [slot, token] of tokens) check(slot, [token]);
    if (tokens.size === 0) return new Map<number, Float32Array>();
    const logits = await engine.step(tokens);
    return new Map(
      [...tokens.keys()].map((slot) => {
        positions[slot] = position(slot) + 1;
        return [slot, logits.slice(slot * vocabSize, (slot + 1) * vocabSize)] as const;
      }),
    );
  };
  const prefill = async (prompts: ReadonlyMap<number, ArrayLike<number>>) => {
    for (const [slot, tokens] of prompts) {
      if (tokens.length === 0) {
        throw new RuntimeError(
          problem`prefill: a prompt must have at least one token, got none for slot ${slot}; begin with the vocabulary's
          bosId`,
        );
      }
      check(slot, tokens);
    }
    const logits = new Map<number, Float32Array>();
    const left = new Map([...prompts].map(([slot, tokens]) => [slot, Array.from(tokens)]));
    while (left.size > 0) {
      for (const [slot, tokens] of left) {
        const chunks = await engine.readChunks(slot, tokens);
        if (chunks.logits) logits.set(slot, chunks.logits);
        tokens.splice(0, chunks.read);
        positions[slot] = position(slot) + chunks.read;
        if (tokens.length === 0) left.delete(slot);
      }
      const found = await step(new Map([...left].map(([slot, tokens]) => [slot, tokens.shift() ?? 0])));
      for (const [slot, row] of found) {
        logits.set(slot, row);
        if (left.get(slot)?.length === 0) left.delete(slot);
      }
    }
    return logits;
  };
  const restore = (snapshot: SequenceSnapshot) => {
    if (snapshot.model !== model) {
      throw new RuntimeError(
        problem`restore: a snapshot must be of this model (${model}), got one of ${snapshot.model}; load the weights
        that it was taken with`,
      );
    }
    const slot = freeSlot();
    engine.load(slot, snapshot.position, snapshot.arrays);
    positions[slot] = snapshot.position;
    return slot;
  };
  const snapshot = (slot: number): SequenceSnapshot => ({
    model,
    position: position(slot),
    arrays: engine.save(slot),
  });
  return {
    slots,
    get active() {
      return active();
    },
    position,
    join: (first = 0) => {
      const slot = freeSlot();
      engine.clear(slot, first);
      positions[slot] = first;
      return slot;
    },
    leave: (slot) => {
      position(slot);
      positions[slot] = undefined;
    },
    prefill,
    step,
    snapshot,
    restore,
    fork: (slot) => restore(snapshot(slot)),
    [Symbol.asyncDispose]: engine.dispose,
  };
}
