/** Time of a generated token at several positions: with a state of fixed size it must not grow. */

import { createBackend } from "#engine";
import { proteinVocabulary } from "../data/index.ts";
import { createDecoder, type Decoder } from "../inference/index.ts";
import { modelConfig, type ModelOptions } from "../model/index.ts";
import { describeMechanism } from "../model/stacks.ts";
import type { TaskContext } from "../runs/events.ts";
import type { Backend } from "../runtime/backend.ts";
import { initialState } from "../training/index.ts";
import { median } from "../statistics/index.ts";
import { describeMachine, type Machine } from "./measure.ts";
import { benchProgress } from "./progress.ts";

/** The position that all others are compared with; it is always measured. */
export const REFERENCE_POSITION = 1000;

/** Tokens really read before a position that was jumped to. */
export const JUMP_PREFIX = 1000;

export interface DecodeRow {
  readonly model: string;
  /** Sequences decoded side by side. */
  readonly batch: number;
  /** Tokens before the measured ones. */
  readonly position: number;
  readonly medianMsPerToken: number;
  readonly minMsPerToken: number;
  /** All sequences together: batch tokens a step. */
  readonly tokensPerSecond: number;
  /** medianMsPerToken over that at position 1,000, from interleaved rounds. */
  readonly ratioToPosition1000: number;
  /** Tokens that were really read before the measured ones: as many as the position says, or fewer after a jump. */
  readonly tokensRead: number;
}

export interface DecodeBenchResult {
  readonly machine: Machine;
  readonly rows: readonly DecodeRow[];
}

export interface DecodeBenchSettings {
  /** Each at least 0, ascending. */
  readonly positions: readonly number[];
  readonly batches: readonly number[];
  /** Tokens measured at each position. */
  readonly tokens: number;
  /** Begin far positions JUMP_PREFIX tokens before, instead of reading everything. Default false. */
  readonly jump?: boolean;
  readonly model: Omit<ModelOptions, "vocabSize">;
  readonly threads: number;
}

/** Tokens a turn at one position, before it is the next one's turn. */
const TURN = 20;
/** Steps between two words about progress. */
const TOLD_STEPS = 500;

interface Measured {
  readonly decoder: Decoder;
  readonly position: number;
  readonly tokensRead: number;
  readonly times: number[];
}

/** Steps that will be taken, for the progress. */
export function decodeSteps(options: Omit<DecodeBenchSettings, "model" | "threads">): number {
  const positions = withReference(options.positions);
  const warmUp = options.jump === true ? sum(positions.map(tokensBefore)) : (positions.at(-1) ?? 0);
  return options.batches.length * (warmUp + positions.length * turnsOf(options.tokens) * TURN);
}

/** Measures the positions of a batch in turn: all see the same noise of the machine. */
export async function benchDecode(
  settings: DecodeBenchSettings,
  context: TaskContext = {},
): Promise<DecodeBenchResult> {
  using progress = benchProgress(context, { label: "bench decode", total: decodeSteps(settings) });
  const backend = createBackend({ threads: settings.threads });
  let done = 0;
  const onStep = () => {
    done++;
    if (done % TOLD_STEPS === 0) progress.update(done);
  };
  const rows: DecodeRow[] = [];
  for (const batch of settings.batches) rows.push(...(await benchBatch(settings, backend, batch, onStep)));
  return { machine: describeMachine(settings.threads), rows };
}

async function benchBatch(
  settings: DecodeBenchSettings,
  backend: Backend,
  batch: number,
  onStep: () => void,
): Promise<DecodeRow[]> {
  const { tokens, jump = false } = settings;
  const positions = withReference(settings.positions);
  const config = modelConfig({ ...settings.model, vocabSize: proteinVocabulary.size, positions: "rotary" });
  // Fresh weights: the time of a step does not depend on their values.
  const tensors = initialState(config, 0).model;
  const ids = new Int32Array(batch);
  const read = async (decoder: Decoder, step: number) => {
    await decoder.next(ids.fill(4 + (step % 20)));
    onStep();
  };
  const readUpTo = async (decoder: Decoder, position: number) => {
    while (decoder.position < position) await read(decoder, decoder.position);
  };

  const measured: Measured[] = [];
  const opened: Decoder[] = [];
  const open = async (start: number) => {
    const decoder = await createDecoder(config, tensors, backend, batch, start);
    opened.push(decoder);
    return decoder;
  };
  try {
    if (jump) {
      for (const position of positions) {
        const tokensRead = tokensBefore(position);
        const decoder = await open(position - tokensRead);
        await readUpTo(decoder, position);
        measured.push({ decoder, position, tokensRead, times: [] });
      }
    } else {
      // One compiled graph for all positions: of two, one may lie better in memory, which is not what is asked here.
      const reader = await open(0);
      for (const position of positions) {
        await readUpTo(reader, position);
        const decoder = reader.fork();
        opened.push(decoder);
        measured.push({ decoder, position, tokensRead: position, times: [] });
      }
    }
    for (let turn = 0; turn < turnsOf(tokens); turn++) {
      for (const { decoder, times } of measured) {
        for (let step = 0; step < TURN; step++) {
          const started = performance.now();
          await read(decoder, step);
          times.push(performance.now() - started);
        }
      }
    }
  } finally {
    for (const decoder of opened) await decoder[Symbol.asyncDispose]();
  }
  const referenceMs = median(measured.find(({ position }) => position === REFERENCE_POSITION)?.times ?? []);
  return measured.map(({ position, tokensRead, times }) => {
    const ms = median(times);
    return {
      model: `${describeMechanism(config)}, ${config.numLayers} layers, modelDim ${config.modelDim}, numFeatures ${config.numFeatures}`,
      batch,
      position,
      medianMsPerToken: ms,
      minMsPerToken: Math.min(...times),
      tokensPerSecond: (1000 * batch) / ms,
      ratioToPosition1000: ms / referenceMs,
      tokensRead,
    };
  });
}

function withReference(positions: readonly number[]): readonly number[] {
  return [...new Set([...positions, REFERENCE_POSITION])].toSorted((a, b) => a - b);
}

function tokensBefore(position: number): number {
  return Math.min(position, JUMP_PREFIX);
}

function turnsOf(tokens: number): number {
  return Math.ceil(tokens / TURN);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
