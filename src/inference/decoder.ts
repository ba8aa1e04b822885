/** Next-token logits for growing sequences: by a state of fixed size where the mechanism has one, else by running it all again. */
import { mechanisms } from "../attention/mechanisms.ts";
import { formFor, type AttentionMechanism } from "../attention/mechanism.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import { parameterShapes, projectionShapes, toTree, type Named } from "../model/parameters.ts";
import { ConfigError } from "../model/parse-options.ts";
import {
  initialStates,
  nextStateOutputs,
  nextStates,
  positionFeeds,
  positionInputs,
  stateInputs,
} from "../model/parts.ts";
import { logits, logitsOfPart, type ModelTensors } from "../model/performer.ts";
import { reshape } from "../ops/layout.ts";
import { constant, input } from "../ops/source.ts";
import type { Backend, Executable } from "../runtime/backend.ts";

/** B sequences that grow in step, one token each a call. */
export interface Decoder extends AsyncDisposable {
  /** Tokens read so far. */
  readonly position: number;
  /**
   * Reads one token of every sequence.
   *
   * @param tokens `[B]`
   * @returns logits of the token after it, `[B, vocabSize]`
   */
  readonly next: (tokens: Int32Array) => Promise<Float32Array>;
  /** A decoder that goes on from here by itself; the compiled graph is shared, and freed with the last one that uses it. */
  readonly fork: () => Decoder;
}

/**
 * @param tensors weights and projections; they become constants of the compiled graph
 * @param start position of the first token; default 0
 */
export async function createDecoder(
  config: ModelConfig,
  tensors: Named<NdArray>,
  backend: Backend,
  batchSize: number,
  start = 0,
): Promise<Decoder> {
  const mechanism: AttentionMechanism = mechanisms[config.mechanism];
  return mechanism.recurrent
    ? createRecurrentDecoder(config, tensors, backend, batchSize, start)
    : createRereadingDecoder(config, tensors, backend, batchSize, start);
}

function constantModel(config: ModelConfig, tensors: Named<NdArray>): ModelTensors {
  const pick = (names: readonly string[]) =>
    Object.fromEntries(names.flatMap((name) => (tensors[name] ? [[name, constant(tensors[name])]] : [])));
  return {
    config,
    parameters: toTree(config, pick(Object.keys(parameterShapes(config)))),
    projections: pick(Object.keys(projectionShapes(config))),
  };
}

function checkPosition(config: ModelConfig, position: number): void {
  if (config.positions === "learned" && position >= config.maxSeqLen) {
    throw new ConfigError(
      `generate: learned positions must stay below maxSeqLen ${config.maxSeqLen}, got position ${position}; ` +
        "ask for fewer tokens, or train with positions 'rotary', which have no end",
    );
  }
}

async function createRecurrentDecoder(
  config: ModelConfig,
  tensors: Named<NdArray>,
  backend: Backend,
  batchSize: number,
  start: number,
): Promise<Decoder> {
  const { logits, states } = logitsOfPart(
    constantModel(config, tensors),
    input("tokenIds", [batchSize, 1], "int32"),
    positionInputs(config, 1),
    stateInputs(config, batchSize),
  );
  const outputs = { logits: reshape(logits, [batchSize, config.vocabSize]), ...nextStateOutputs(states) };
  const step = await backend.compile({ outputs });
  return decodeFrom({ config, step, users: 0 }, initialStates(config, batchSize), start);
}

/** A compiled step, and how many decoders use it. */
interface SharedStep {
  readonly config: ModelConfig;
  readonly step: Executable;
  users: number;
}

function decodeFrom(shared: SharedStep, state: Readonly<Record<string, NdArray>>, start: number): Decoder {
  const { config, step } = shared;
  let current = state;
  let position = start;
  let disposed = false;
  shared.users++;
  return {
    get position() {
      return position;
    },
    next: async (tokens) => {
      checkPosition(config, position);
      const results = await step.run({ tokenIds: tokens, ...current, ...positionFeeds(config, position, 1) });
      // Outputs are fresh arrays, so they can be the next call's inputs, and forks can hold on to the old ones.
      current = nextStates(results);
      position++;
      return results["logits"]?.data as Float32Array; // declared float32
    },
    fork: () => decodeFrom(shared, current, position),
    [Symbol.asyncDispose]: async () => {
      if (disposed) return;
      disposed = true;
      shared.users--;
      if (shared.users === 0) await step.dispose();
    },
  };
}

/** Lengths are rounded up to multiples of this, so that few graphs are compiled. */
const REREAD_BUCKET = 64;

function createRereadingDecoder(
  config: ModelConfig,
  tensors: Named<NdArray>,
  backend: Backend,
  batchSize: number,
  start: number,
): Decoder {
  if (start !== 0) {
    throw new ConfigError(
      `createDecoder: start must be 0 for '${config.mechanism}', which reads its sequences again, got ${start}; omit it`,
    );
  }
  return rereadFrom(config, constantModel(config, tensors), backend, batchSize, []);
}

function rereadFrom(
  config: ModelConfig,
  model: ModelTensors,
  backend: Backend,
  batchSize: number,
  read: readonly Int32Array[],
): Decoder {
  const form = formFor(backend.device);
  const seen = [...read];
  let compiled: { readonly length: number; readonly executable: Executable } | undefined;
  const graphFor = async (length: number) => {
    if (compiled !== undefined && compiled.length >= length) return compiled;
    await compiled?.executable.dispose();
    const padded = Math.ceil(length / REREAD_BUCKET) * REREAD_BUCKET;
    const fits = config.positions === "learned" ? Math.min(padded, config.maxSeqLen) : padded;
    const ids = input("tokenIds", [batchSize, fits], "int32");
    compiled = {
      length: fits,
      executable: await backend.compile({ outputs: { logits: logits(model, ids, { form }) } }),
    };
    return compiled;
  };
  return {
    get position() {
      return seen.length;
    },
    next: async (tokens) => {
      checkPosition(config, seen.length);
      seen.push(tokens.slice());
      const { length, executable } = await graphFor(seen.length);
      const ids = new Int32Array(batchSize * length);
      seen.forEach((column, position) => column.forEach((token, row) => (ids[row * length + position] = token)));
      const all = (await executable.run({ tokenIds: ids }))["logits"]?.data as Float32Array; // declared float32
      const { vocabSize } = config;
      const out = new Float32Array(batchSize * vocabSize);
      for (let row = 0; row < batchSize; row++) {
        const from = (row * length + seen.length - 1) * vocabSize;
        out.set(all.subarray(from, from + vocabSize), row * vocabSize);
      }
      return out;
    },
    fork: () => rereadFrom(config, model, backend, batchSize, seen),
    [Symbol.asyncDispose]: async () => compiled?.executable.dispose(),
  };
}
