/** Many sequences through one model, streamed: batches of few shapes, results in the order of the input. */
import { formFor, type ExecutionForm } from "../attention/mechanism.ts";
import { ConfigError, problem } from "../graph/errors.ts";
import { requirePositiveInteger } from "../graph/arguments.ts";
import { DataError, startOf, type EncodedSequence, type Vocabulary } from "../data/index.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { ModelConfig } from "../model/config.ts";
import { modelInputs } from "../model/inputs.ts";
import type { Named } from "../model/parameters.ts";
import type { ModelTensors } from "../model/performer.ts";
import { checkIntensities, mostPlaces, unitsIn } from "../model/patches.ts";
import { longestSequence } from "../model/positions.ts";
import { checkTensors, checkVocabulary } from "../model/tensors.ts";
import { input } from "../ops/source.ts";
import { graphMemory, type GraphMemory } from "../training/graph-memory.ts";
import { feedsFor, type Backend, type Executable, type WeightOptions } from "../runtime/backend.ts";
import { packByLength, type PackedRows } from "./pack-by-length.ts";
import { storedWeights } from "./stored-weights.ts";

/**
 * Sequences that are read ahead, to find some of like length: many, and of tokens 4 MB at most, beyond the first
 * sequence.
 */
const defaultWindow: SequenceWindow = { sequences: 1024, tokens: 2 ** 20 };
/** Default of `tokensPerBatch`: 8192 take no less time a token, four times the memory, and more padding. */
export const TOKENS_PER_BATCH = 2048;
/** Compiled graphs are kept while what they hold stays below this: some thirty of a small model. */
const KEPT_BYTES = 2 ** 30;
/**
 * Compiling a layer takes as long as twice so many operations of its linear layers, and its graph serves later windows
 * too.
 */
const COMPILE_FLOP = 1e9;

/**
 * What stands around a sequence's tokens; in place of `<bos>` its tag, where it has one. `causal`: `<bos>` tokens, as a
 * decoder reads them. `shifted`: the same without the last token: place i is where token i is predicted. `wrapped`:
 * `<bos>` tokens `<eos>`, as an encoder reads them. `bare`: the tokens alone, which hold special ones where the model
 * wants them.
 */
export type SequenceWrap = "causal" | "shifted" | "wrapped" | "bare";

/** The inputs that a graph is built from. */
export interface SequenceGraph {
  readonly model: ModelTensors;
  /** `[B, L]` int32; behind the end of a row padId. */
  readonly tokenIds: Tensor;
  /** The form of attention that the device runs best. */
  readonly form: ExecutionForm;
}

/** How far is read ahead: a window ends with the sequence that fills it in either way. */
export interface SequenceWindow {
  readonly sequences: number;
  readonly tokens: number;
}

export interface SequenceRunOptions<R, S extends EncodedSequence = EncodedSequence> {
  /** The model's configuration. */
  readonly config: ModelConfig;
  /** Weights and projections. */
  readonly tensors: Named<NdArray>;
  /** The model's vocabulary. */
  readonly vocabulary: Vocabulary;
  /** Where graphs run; see `createBackend`. */
  readonly backend: Backend;
  /** The sequences, in any order of lengths. */
  readonly sequences: AsyncIterable<S> | Iterable<S>;
  /** Special tokens around each sequence. */
  readonly wrap: SequenceWrap;
  /** The graph's outputs, each with an axis of batchSize in front. */
  readonly build: (graph: SequenceGraph) => Readonly<Record<string, Tensor>>;
  /**
   * Further int32 inputs of the graph, which `build` declares as `input(name, [B, …], "int32")`: what the row of a
   * sequence holds from its beginning on; behind that zeros.
   */
  readonly rows?: Readonly<Record<string, (sequence: S) => ArrayLike<number>>>;
  /**
   * The result of one sequence, from the row that is its own. Outputs live no longer than this call unless they are
   * copied.
   */
  readonly read: (outputs: Readonly<Record<string, NdArray>>, row: number, sequence: S) => R;
  /** Budget of a batch, padding included; a longer sequence goes alone. Default 2048: more is no faster on a CPU. */
  readonly tokensPerBatch?: number;
  /** Default 1024 sequences or 2²⁰ tokens. */
  readonly window?: SequenceWindow;
  /** How the weights are stored. Default float32. */
  readonly dtype?: WeightOptions["dtype"];
  /** A batch that would take more is refused before it runs. Default: none is. */
  readonly memoryLimitBytes?: number;
  /** Called after every batch with the tokens of sequences done so far, of images with their squares. */
  readonly onProgress?: (tokens: number) => void;
}

/**
 * Reads up to 1024 sequences ahead (or 2²⁰ tokens), packs those of like length together, runs them, and yields their
 * results in the order in which they came. Memory does not depend on the number of sequences.
 *
 * @throws DataError for a sequence without tokens; ConfigError for one that is longer than the model's positions
 */
export async function* runSequences<R, S extends EncodedSequence = EncodedSequence>(
  options: SequenceRunOptions<R, S>,
): AsyncGenerator<R> {
  for await (const results of runSequenceWindows(options)) yield* results;
}

/**
 * Runs like `runSequences`, and yields all results of a window at once. Restarted after any window, the rest comes out
 * bit by bit the same: batches are made within windows.
 */
export async function* runSequenceWindows<R, S extends EncodedSequence = EncodedSequence>(
  options: SequenceRunOptions<R, S>,
): AsyncGenerator<R[]> {
  const { window: most = defaultWindow } = options;
  const { config, tensors, vocabulary, sequences, onProgress, tokensPerBatch = TOKENS_PER_BATCH } = options;
  requirePositiveInteger(
    "runSequences",
    "tokensPerBatch",
    tokensPerBatch,
    `pass a number such as ${TOKENS_PER_BATCH}`,
    DataError,
  );
  checkTensors(config, tensors, "runSequences");
  checkVocabulary(config, vocabulary, "runSequences");
  const longest = longestSequence(config).length;
  const graphs = createGraphs(options);
  let done = 0;
  try {
    for await (const window of windowsOf(sequences, most)) {
      const rows = window.map((sequence, index) => ({ sequence, index, length: wrappedLength(options, sequence) }));
      const results = new Map<number, R>();
      const packing = {
        tokensPerBatch: tokensPerBatch * tokensPerPlace(config),
        longest,
        graphCost: graphCost(config),
        ...lengthStep(options),
      };
      for (const packed of packByLength(rows, packing)) {
        const outputs = await runBatch(await graphs.get(packed), packed, options);
        for (const [row, { sequence, index }] of packed.rows.entries()) {
          results.set(index, options.read(outputs, row, sequence));
          done += unitsIn(config, sequence.tokenIds.length);
        }
        onProgress?.(done);
      }
      yield [...window.keys()].map((index) => results.get(index) as R); // every row is in one batch
    }
  } finally {
    await graphs.dispose();
  }
}

async function* windowsOf<S extends EncodedSequence>(
  sequences: AsyncIterable<S> | Iterable<S>,
  most: SequenceWindow,
): AsyncGenerator<S[]> {
  let window: S[] = [];
  let tokens = 0;
  for await (const sequence of sequences) {
    window.push(sequence);
    tokens += sequence.tokenIds.length;
    if (window.length < most.sequences && tokens < most.tokens) continue;
    yield window;
    window = [];
    tokens = 0;
  }
  if (window.length > 0) yield window;
}

/** @throws DataError for a sequence of none */
export function requireTokens({ id, tokenIds }: EncodedSequence): void {
  if (tokenIds.length > 0) return;
  throw new DataError({ who: id, rule: "a sequence must have at least one token", got: "none", fix: "leave it out" });
}

const EXTRA_TOKENS = { causal: 1, shifted: 0, wrapped: 2, bare: 0 } as const satisfies Record<SequenceWrap, number>;

/**
 * Places that a sequence takes.
 *
 * @throws DataError or ConfigError for one that the model cannot read
 */
export function wrappedLength(
  { config, wrap }: Pick<SequenceRunOptions<unknown>, "config" | "wrap">,
  sequence: EncodedSequence,
): number {
  requireTokens(sequence);
  const { id, tokenIds, startId = 0 } = sequence;
  checkIntensities(id, config, tokenIds.length);
  const extra = EXTRA_TOKENS[wrap];
  const { length: longest, reason, fix } = longestSequence(config);
  if (tokenIds.length + extra > longest) {
    throw new ConfigError(
      problem`${id}: with ${reason}, a sequence must have at most ${longest - extra} tokens (maxSeqLen ${longest}), got
      ${tokenIds.length}; cut it into parts, or ${fix}`,
    );
  }
  const isKnown = (token: number) => token >= 0 && token < config.vocabSize;
  const wrong = isKnown(startId) ? tokenIds.find((token) => !isKnown(token)) : startId;
  if (wrong !== undefined) {
    throw new DataError({
      who: id,
      rule: `ids must be from 0 to ${config.vocabSize - 1}`,
      got: String(wrong),
      fix: "encode with the model's own vocabulary",
    });
  }
  return tokenIds.length + extra;
}

interface SequenceRow<S> {
  readonly sequence: S;
  readonly index: number;
  readonly length: number;
}

async function runBatch<S extends EncodedSequence>(
  graph: Executable,
  { batchSize, seqLen, rows }: PackedRows<SequenceRow<S>>,
  options: SequenceRunOptions<unknown, S>,
): Promise<Record<string, NdArray>> {
  const { vocabulary, wrap, rows: inputs = {} } = options;
  const { padId, bosId, eosId } = vocabulary;
  const tokenIds = new Int32Array(batchSize * seqLen).fill(padId);
  for (let row = 0; row < batchSize; row++) {
    // Also of rows without a sequence: one of nothing but padding would leave masked attention without a single key.
    tokenIds[row * seqLen] = bosId;
    const packed = rows[row];
    if (packed === undefined) continue;
    const own = packed.sequence.tokenIds;
    if (wrap === "bare") {
      tokenIds.set(own, row * seqLen);
      continue;
    }
    tokenIds[row * seqLen] = startOf(packed.sequence, vocabulary);
    tokenIds.set(wrap === "shifted" ? own.subarray(0, -1) : own, row * seqLen + 1);
    if (wrap === "wrapped") tokenIds[row * seqLen + 1 + own.length] = eosId;
  }
  const further = Object.entries(inputs).map(([name, valuesOf]) => {
    const width = (graph.inputs[name]?.shape ?? []).slice(1).reduce((product, size) => product * size, 1);
    const values = new Int32Array(batchSize * width);
    for (const [row, { sequence }] of rows.entries()) values.set(Int32Array.from(valuesOf(sequence)), row * width);
    return [name, values] as const;
  });
  return graph.run(feedsFor(graph, { ...storedWeights(options).feeds, tokenIds, ...Object.fromEntries(further) }));
}

/** Texts have about twenty tokens: rounded as proteins are, two thirds of what is computed would be padding. */
function lengthStep({ wrap }: { readonly wrap: SequenceWrap }): { readonly lengthStep?: number } {
  return wrap === "bare" ? { lengthStep: 16 } : {};
}

/** Budgets are of places. */
function tokensPerPlace(config: ModelConfig): number {
  return config.patches === undefined ? 1 : config.maxSeqLen / mostPlaces(config);
}

/** The cost of compiling a graph, in positions that could be computed instead. */
function graphCost({ modelDim, mlpDim }: ModelConfig): number {
  return COMPILE_FLOP / (2 * modelDim * (4 * modelDim + 2 * mlpDim));
}

/** Compiled graphs by shape, those used last. The engine keeps for each the memory of its largest run. */
function createGraphs<R, S extends EncodedSequence>(options: SequenceRunOptions<R, S>) {
  const { config, backend, build } = options;
  const stored = storedWeights(options).backend;
  const kept = new Map<string, { readonly graph: Executable; readonly bytes: number }>();
  const makeRoom = async (bytes: number): Promise<void> => {
    let held = [...kept.values()].reduce((sum, each) => sum + each.bytes, 0);
    for (const [key, oldest] of kept) {
      if (held + bytes <= KEPT_BYTES) return;
      kept.delete(key);
      held -= oldest.bytes;
      await oldest.graph.dispose();
    }
  };
  return {
    get: async (packed: PackedRows<SequenceRow<S>>): Promise<Executable> => {
      const { batchSize, seqLen } = packed;
      const key = `${batchSize} ${seqLen}`;
      const known = kept.get(key);
      if (known !== undefined) {
        // Behind all others.
        kept.delete(key);
        kept.set(key, known);
        return known.graph;
      }
      const tokenIds = input("tokenIds", [batchSize, seqLen], "int32");
      const outputs = build({ model: modelInputs(config), tokenIds, form: formFor(backend.device) });
      const memory = graphMemory({ outputs });
      refuseTooLarge(memory, packed, options);
      const bytes = memory.valueBytes + memory.outputBytes + memory.constantBytes;
      await makeRoom(bytes);
      const graph = await stored.compile({ outputs });
      kept.set(key, { graph, bytes });
      return graph;
    },
    dispose: async () => {
      for (const { graph } of kept.values()) await graph.dispose();
    },
  };
}

/** Attention of every token to every other outgrows any memory, and the engine would end the process without a word. */
function refuseTooLarge<S extends EncodedSequence>(
  { valueBytes }: Pick<GraphMemory, "valueBytes">,
  { rows: [longest] }: PackedRows<SequenceRow<S>>,
  { memoryLimitBytes = Number.POSITIVE_INFINITY }: SequenceRunOptions<unknown, S>,
): void {
  if (valueBytes <= memoryLimitBytes || longest === undefined) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  const { id, tokenIds } = longest.sequence;
  throw new ConfigError(
    problem`${id}: a sequence must fit in ${gigabytes(memoryLimitBytes)} of memory, got ${tokenIds.length} tokens, which
    take about ${gigabytes(valueBytes)}; cut it into parts, or use a model of linear attention, such as 'favor'`,
  );
}
