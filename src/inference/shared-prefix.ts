/**
 * Variants of one sequence under a decoder whose past is a state of fixed size: what they share with it is read once.
 */
import { formFor } from "../attention/mechanism.ts";
import { startOf, type EncodedSequence, type Vocabulary } from "../data/index.ts";
import { ndarray, type NdArray } from "../graph/ndarray.ts";
import { modelInputs } from "../model/inputs.ts";
import { initialStates, logitsOfPart, nextStateOutputs, nextStates, stateInputs } from "../model/parts.ts";
import { longestSequence, positionFeeds, positionInputs } from "../model/positions.ts";
import { layerMechanisms } from "../model/stacks.ts";
import { input } from "../ops/source.ts";
import { feedsFor, type Backend, type Executable } from "../runtime/backend.ts";
import type { ModelConfig } from "../model/config.ts";
import type { ScoreOptions } from "./score.ts";
import { createLazily } from "./lazy.ts";
import { batchSizeFor } from "./pack-by-length.ts";
import { storedWeights } from "./stored-weights.ts";
import { targetLogProbabilities } from "./target-log-probabilities.ts";

/**
 * Tokens between the states that are kept: what a variant reads too much is half of this on average, and each adds a
 * graph.
 */
const BLOCK = 64;

/** A variant is the sequence itself up to a place. */
export interface SequenceVariant extends EncodedSequence {
  readonly place: number;
}

/** log p of a variant's tokens from `start` on, which is at most its place. */
export interface SuffixScore<V> {
  readonly variant: V;
  readonly start: number;
  readonly nats: Float32Array;
}

export interface PrefixOptions<V extends SequenceVariant> extends Pick<
  ScoreOptions,
  "config" | "tensors" | "vocabulary" | "backend" | "dtype"
> {
  readonly sequence: EncodedSequence;
  /** In ascending order of their places, of the sequence's length. */
  readonly variants: Iterable<V>;
  readonly tokensPerBatch: number;
  /** Called after every batch with the tokens read so far. */
  readonly onProgress?: (tokens: number) => void;
}

/** Whether all that a model knows of the past is a state that can be read from, on this device. */
export function hasStates(config: ModelConfig, backend: Backend): boolean {
  if (formFor(backend.device) === "parallel") return false;
  return layerMechanisms(config).every(({ recurrent }) => recurrent !== undefined);
}

/** The first token that a variant reads by itself. */
export function suffixStart(place: number): number {
  return place - (place % BLOCK);
}

/** Scores variants in their order; each reads from the last kept state before its place on. */
export async function* scoreSuffixes<V extends SequenceVariant>(
  options: PrefixOptions<V>,
): AsyncGenerator<SuffixScore<V>> {
  const { config, sequence, tokensPerBatch, onProgress } = options;
  const { length } = sequence.tokenIds;
  const padded = Math.min(longestSequence(config).length, Math.ceil(length / BLOCK) * BLOCK);
  const pending = options.variants[Symbol.iterator]();
  let next = pending.next();
  let states = initialStates(config, 1);
  let read = 0;
  const lazy = createLazily(() => compileBlock(options));
  await using block = { get: lazy.get, [Symbol.asyncDispose]: lazy.dispose };
  for (let start = 0; start < length; start += BLOCK) {
    const own: V[] = [];
    for (; next.done !== true && next.value.place < start + BLOCK; next = pending.next()) own.push(next.value);
    const width = padded - start;
    const most = Math.max(1, Math.floor(tokensPerBatch / width));
    await using graphs = createGraphs(options, width);
    for (let first = 0; first < own.length; first += most) {
      const batch = own.slice(first, first + most);
      const batchSize = batchSizeFor(batch.length, most);
      const nats = await runRows(await graphs.get(batchSize), options, batch, { start, width, batchSize, states });
      read += batch.length * (length - start);
      onProgress?.(read);
      for (const [row, variant] of batch.entries()) {
        yield { variant, start, nats: nats.slice(row * width, row * width + length - start) };
      }
    }
    if (start + BLOCK < length) states = await readBlock(await block.get(), options, start, states);
  }
}

interface Rows {
  readonly start: number;
  readonly width: number;
  readonly batchSize: number;
  readonly states: Readonly<Record<string, NdArray>>;
}

async function runRows<V extends SequenceVariant>(
  graph: Executable,
  options: PrefixOptions<V>,
  variants: readonly V[],
  { start, width, batchSize, states }: Rows,
): Promise<Float32Array> {
  const { config, vocabulary } = options;
  const tokenIds = new Int32Array(batchSize * width).fill(vocabulary.padId);
  const targetIds = new Int32Array(batchSize * width);
  for (const [row, variant] of variants.entries()) {
    tokenIds.set(inputsFrom(variant, vocabulary, start), row * width);
    targetIds.set(variant.tokenIds.subarray(start), row * width);
  }
  const tiled = Object.entries(states).map(([name, array]) => [name, tile(array, batchSize)] as const);
  const results = await graph.run(
    feedsFor(graph, {
      ...storedWeights(options).feeds,
      ...positionFeeds(config, start, width),
      ...Object.fromEntries(tiled),
      tokenIds,
      targetIds,
    }),
  );
  return Float32Array.from(results["nats"]?.data as Float32Array); // declared float32
}

/**
 * The tokens that a decoder reads from position `start` on: the token before each, the tag or <bos> before the first.
 */
function inputsFrom(sequence: EncodedSequence, vocabulary: Pick<Vocabulary, "bosId">, start: number): Int32Array {
  const { tokenIds } = sequence;
  if (start > 0) return tokenIds.subarray(start - 1, -1);
  return Int32Array.of(startOf(sequence, vocabulary), ...tokenIds.subarray(0, -1));
}

/** `[1, …]` → `[B, …]`. */
function tile({ data, shape }: NdArray, batchSize: number): NdArray {
  const { length } = data;
  const all = data instanceof Int32Array ? new Int32Array(length * batchSize) : new Float32Array(length * batchSize);
  for (let row = 0; row < batchSize; row++) all.set(data as Float32Array, row * length); // states are one of the two
  return ndarray(all, [batchSize, ...shape.slice(1)]);
}

/** From the states before a block of the sequence itself to those behind it. */
function compileBlock(options: PrefixOptions<SequenceVariant>): Promise<Executable> {
  const { config, backend } = options;
  const tokenIds = input("tokenIds", [1, BLOCK], "int32");
  const part = logitsOfPart(modelInputs(config), tokenIds, positionInputs(config, BLOCK), stateInputs(config, 1), {
    form: formFor(backend.device),
  });
  return storedWeights(options).backend.compile({ outputs: nextStateOutputs(part.states) });
}

async function readBlock(
  graph: Executable,
  options: PrefixOptions<SequenceVariant>,
  start: number,
  states: Readonly<Record<string, NdArray>>,
): Promise<Record<string, NdArray>> {
  const { config, sequence, vocabulary } = options;
  const tokenIds = inputsFrom(sequence, vocabulary, start).slice(0, BLOCK);
  const { feeds } = storedWeights(options);
  const places = positionFeeds(config, start, BLOCK);
  return nextStates(await graph.run(feedsFor(graph, { ...feeds, ...states, ...places, tokenIds })));
}

/** Graphs of one width by their number of rows. */
function createGraphs(options: PrefixOptions<SequenceVariant>, width: number) {
  const { config, backend } = options;
  const kept = new Map<number, Executable>();
  return {
    get: async (batchSize: number): Promise<Executable> => {
      const known = kept.get(batchSize);
      if (known !== undefined) return known;
      const shape = [batchSize, width];
      const { logits } = logitsOfPart(
        modelInputs(config),
        input("tokenIds", shape, "int32"),
        positionInputs(config, width),
        stateInputs(config, batchSize),
        { form: formFor(backend.device) },
      );
      const outputs = { nats: targetLogProbabilities(logits, input("targetIds", shape, "int32")) };
      const graph = await storedWeights(options).backend.compile({ outputs });
      kept.set(batchSize, graph);
      return graph;
    },
    [Symbol.asyncDispose]: async () => {
      for (const graph of kept.values()) await graph.dispose();
    },
  };
}
