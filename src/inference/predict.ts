/** Predictions for whole sequences, by an encoder, or by a decoder whose head reads a sequence. */
import { formFor } from "../attention/mechanism.ts";
import { ConfigError, problem } from "../graph/errors.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import { isPooled } from "../model/output.ts";
import type { Named } from "../model/parameters.ts";
import { logits } from "../model/performer.ts";
import { checkIntensities } from "../model/patches.ts";
import { longestSequence } from "../model/positions.ts";
import { checkTensors } from "../model/tensors.ts";
import { input } from "../ops/source.ts";
import { RuntimeError, type Backend, type Executable, type WeightOptions } from "../runtime/backend.ts";
import { withWeights } from "../runtime/weights.ts";
import { softmax } from "../statistics/index.ts";
import { checkToken } from "./batch-decoder.ts";
import { constantModel } from "./step-graph.ts";

export interface PredictOptions extends Pick<WeightOptions, "dtype"> {
  /** The model's configuration. */
  readonly config: ModelConfig;
  /** Weights and projections. */
  readonly tensors: Named<NdArray>;
  /** Where graphs run; see `createBackend`. */
  readonly backend: Backend;
  /** Tokens of each sequence, special ones included. */
  readonly sequences: readonly ArrayLike<number>[];
}

/** Sequences read side by side. */
const ROWS = 16;
/** Lengths are rounded up to multiples of this, so that few graphs are compiled. */
const BUCKET = 64;

/**
 * @returns for each sequence, in the order given, its logits or numbers: one row a token, or one in all where the head
 *   reads the whole sequence
 * @throws ConfigError for language models that generate, and for sequences that are longer than the model can read
 * @throws RuntimeError for empty sequences and tokens outside the vocabulary
 */
export async function predictSequences(options: PredictOptions): Promise<readonly (readonly Float32Array[])[]> {
  const { config, tensors, backend, sequences, dtype } = options;
  check(options);
  const stored = withWeights(backend, dtype ? { dtype } : {});
  const model = constantModel(config, tensors);
  const order = Array.from(sequences.keys()).toSorted((a, b) => lengthOf(a) - lengthOf(b));
  const results: (readonly Float32Array[])[] = [];
  let graph: { readonly length: number; readonly run: Executable } | undefined;
  try {
    for (let start = 0; start < order.length; start += ROWS) {
      const rows = order.slice(start, start + ROWS);
      const needed = Math.max(...rows.map(lengthOf));
      const length = Math.min(Math.ceil(needed / BUCKET) * BUCKET, longestSequence(config).length);
      if (graph?.length !== length) {
        await graph?.run.dispose();
        const ids = input("tokenIds", [ROWS, length], "int32");
        const outputs = { y: logits(model, ids, { form: formFor(backend.device) }) };
        graph = { length, run: await stored.compile({ outputs }) };
      }
      const tokenIds = new Int32Array(ROWS * length).fill(config.padId);
      rows.forEach((sequence, row) => tokenIds.set(sequences[sequence] ?? [], row * length));
      const { y } = await graph.run.run({ tokenIds });
      const [, perRow = 1, width = 1] = y?.shape ?? [];
      const all = y?.data as Float32Array; // declared float32
      rows.forEach((sequence, row) => {
        const count = isPooled(config) ? 1 : lengthOf(sequence);
        results[sequence] = Array.from({ length: count }, (_, at) =>
          all.slice((row * perRow + at) * width, (row * perRow + at + 1) * width),
        );
      });
    }
  } finally {
    await graph?.run.dispose();
  }
  return results;

  function lengthOf(sequence: number): number {
    return sequences[sequence]?.length ?? 0;
  }
}

/** Tokens between the vocabulary's begin and end, as in training; longer ones lose their ends. */
export function wrapped(
  sequences: readonly { readonly tokenIds: Int32Array }[],
  { bosId, eosId }: { readonly bosId: number; readonly eosId: number },
  maxSeqLen: number,
): readonly number[][] {
  return sequences.map(({ tokenIds }) => [bosId, ...tokenIds.subarray(0, maxSeqLen - 2), eosId]);
}

function check({ config, tensors, sequences }: PredictOptions): void {
  if (config.architecture !== "encoder" && !isPooled(config)) {
    throw new ConfigError(
      problem`predictSequences: architecture must be 'encoder' with head '${config.head}', got '${config.architecture}';
      use generate for a decoder, and generateTargets for an encoder–decoder`,
    );
  }
  checkTensors(config, tensors, "predictSequences");
  const { length: longest, reason } = longestSequence(config);
  for (const sequence of sequences) {
    if (sequence.length === 0) {
      throw new RuntimeError(
        problem`predictSequences: a sequence must have at least one token, got none; leave it out`,
      );
    }
    // <bos> stands in front of an image and <eos> behind it.
    checkIntensities("predictSequences", config, sequence.length - 2);
    if (sequence.length > longest) {
      throw new ConfigError(
        problem`predictSequences: with ${reason}, sequences must not exceed maxSeqLen ${longest}, got
        ${sequence.length}; cut them`,
      );
    }
    for (const token of Array.from(sequence)) checkToken(config, token);
  }
}

/** The most probable class, and the probabilities of all. */
export function classOf(logits: Float32Array): { readonly label: number; readonly probabilities: readonly number[] } {
  const top = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return { label: logits.indexOf(top), probabilities: softmax(logits) };
}
