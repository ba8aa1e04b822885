/** A model's predictions at the positions of each amino acid, summed over many sequences. */
import { DataError } from "../data/errors.ts";
import type { EncodedSequence } from "../data/datasets.ts";
import { standardResidues } from "../data/vocabularies/letters.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Named } from "../model/parameters.ts";
import { logits } from "../model/performer.ts";
import { logSoftmax } from "../ops/composed.ts";
import { matmul } from "../ops/matmul.ts";
import { input } from "../ops/source.ts";
import { createRandom, shuffle } from "../random/index.ts";
import type { Backend } from "../runtime/backend.ts";
import { oneHotTypes, RESIDUE_TYPES, residueTypes, typeTable } from "./residue-types.ts";
import { checkMethod } from "./score.ts";
import { runSequences } from "./sequence-runs.ts";

/**
 * Passes in which an encoder has every residue hidden once: a seventh at a time is BERT's 15 %, with which it was
 * trained.
 */
const PASSES = 7;

export interface ResiduePredictionOptions {
  /** The model's configuration. */
  readonly config: ModelConfig;
  /** Weights and projections. */
  readonly tensors: Named<NdArray>;
  /** A vocabulary of proteins. */
  readonly vocabulary: Vocabulary;
  /** Where graphs run; see `createBackend`. */
  readonly backend: Backend;
  /** Read once, streamed. */
  readonly sequences: AsyncIterable<EncodedSequence> | Iterable<EncodedSequence>;
  /** Decides which residues an encoder has hidden together. Default 0. */
  readonly seed?: number;
  /** Called after every batch with the tokens done so far; each of them counts as often as `predictionPasses` says. */
  readonly onProgress?: (tokens: number) => void;
}

export interface ResiduePredictions {
  /** `[20, 20]`: Σ log p(column), over the places at which the row's residue stands. */
  readonly sums: Float64Array;
  /** Places, by residue. */
  readonly counts: Float64Array;
}

/** How often every sequence is read: 0 for models that predict no residues. */
export function predictionPasses({ architecture, head }: Pick<ModelConfig, "architecture" | "head">): number {
  if (head !== "language-modeling") return 0;
  return architecture === "encoder" ? PASSES : 1;
}

/** A sequence as the model reads it, and what it is asked for: 0 where it is not. */
interface Asked extends EncodedSequence {
  readonly targetIds: Int32Array;
}

/**
 * Σ log p(b | context) over all places where a stands, for every pair of amino acids, where the model does not see the
 * place itself: of a decoder the context is what stands before, of an encoder all that is not hidden. Every residue is
 * predicted once.
 *
 * @throws ConfigError for models that predict no tokens of their own input
 * @throws DataError without any residue, and for sequences as `runSequences` does
 */
export async function residuePredictions(options: ResiduePredictionOptions): Promise<ResiduePredictions> {
  const { config, vocabulary, seed = 0 } = options;
  const who = "residuePredictions";
  const isCausal = checkMethod(who, config) === "likelihood";
  const types = residueTypes(who, vocabulary, config.vocabSize);
  const sums = new Float64Array(RESIDUE_TYPES ** 2);
  const counts = new Float64Array(RESIDUE_TYPES);
  const runs = runSequences<void, Asked>({
    ...options,
    sequences: isCausal ? asked(options.sequences) : hidden(options.sequences, vocabulary, seed),
    wrap: isCausal ? "shifted" : "wrapped",
    // padId stands for no residue, so that it asks for nothing.
    rows: { targetIds: ({ targetIds }) => (isCausal ? targetIds : [vocabulary.padId, ...targetIds]) },
    build: ({ model, tokenIds, form }) => {
      const targetIds = input("targetIds", tokenIds.shape, "int32");
      const logProbabilities = matmul(logSoftmax(logits(model, tokenIds, { form })), typeTable(types));
      return { sums: matmul(oneHotTypes(targetIds, types), logProbabilities, { transposeA: true }) };
    },
    read: (outputs, row, { targetIds }) => {
      const data = outputs["sums"]?.data ?? [];
      for (let pair = 0; pair < sums.length; pair++) {
        sums[pair] = (sums[pair] ?? 0) + Number(data[row * sums.length + pair]);
      }
      for (const id of targetIds) {
        const type = types[id] ?? -1;
        if (type >= 0) counts[type] = (counts[type] ?? 0) + 1;
      }
    },
  });
  for await (const _ of runs);
  if (counts.some((count) => count > 0)) return { sums, counts };
  throw new DataError({
    who,
    rule: `the sequences must hold at least one of the residues ${standardResidues}`,
    got: "none",
    fix: "give some proteins",
  });
}

/** Every token is predicted from those before it. */
async function* asked(sequences: ResiduePredictionOptions["sequences"]): AsyncGenerator<Asked> {
  for await (const { id, tokenIds } of sequences) yield { id, tokenIds, targetIds: tokenIds };
}

/** Each sequence as often as there are passes, with other places hidden. */
async function* hidden(
  sequences: ResiduePredictionOptions["sequences"],
  { maskId, padId }: Vocabulary,
  seed: number,
): AsyncGenerator<Asked> {
  let index = 0;
  for await (const { id, tokenIds } of sequences) {
    const places = shuffle(createRandom(seed, "hidden", index), Array.from(tokenIds.keys()));
    for (let pass = 0; pass < Math.min(PASSES, places.length); pass++) {
      const seen = tokenIds.slice();
      const targetIds = new Int32Array(tokenIds.length).fill(padId);
      for (let at = pass; at < places.length; at += PASSES) {
        const place = places[at] ?? 0;
        targetIds[place] = tokenIds[place] ?? padId;
        seen[place] = maskId;
      }
      yield { id, tokenIds: seen, targetIds };
    }
    index += 1;
  }
}
