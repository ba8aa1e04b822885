/** The effect of every single substitution on the likelihood of a sequence. */
import { standardResidues, type EncodedSequence } from "../data/index.ts";
import { maskedMarginals, wildTypeMarginals } from "./marginals.ts";
import { checkMethod, logProbabilitiesOfTargets, type ScoreOptions, type ScoringMethod } from "./score.ts";
import { requireTokens, runSequences, TOKENS_PER_BATCH, wrappedLength } from "./sequence-runs.ts";
import {
  hasStates,
  scoreSuffixes,
  suffixStart,
  type PrefixOptions,
  type SequenceVariant,
  type SuffixScore,
} from "./shared-prefix.ts";

export interface MutantOptions extends Omit<ScoreOptions, "sequences" | "onProgress"> {
  /** A protein in one-letter code. */
  readonly sequence: EncodedSequence;
  /** The replacements, one character per row of the table. Default: the 20 standard amino acids. */
  readonly residues?: string;
  /** Called at the beginning and after every batch with the tokens read so far, and how many there are to read. */
  readonly onProgress?: (tokens: number, of: number) => void;
}

/** Differences of log-likelihoods in nats: below 0 the model thinks a mutant less likely than the wild type. */
export interface MutantScores {
  readonly id: string;
  /** Length of the wild type. */
  readonly tokens: number;
  readonly method: "likelihood" | ScoringMethod;
  /** One a row of the table. */
  readonly residues: readonly string[];
  /** The wild type, one a column. */
  readonly wildType: readonly string[];
  /**
   * log p(mutant) − log p(wild type), `[residues, tokens]` row by row; 0 where the residue is that of the wild type.
   */
  readonly deltaNats: Float32Array;
}

/**
 * The table of all single mutants.
 *
 * A decoder scores each mutant as a whole, because what stands behind the place becomes more or less likely too: 19
 * passes a residue, in batches. With mechanisms that have a state, a pass begins at the block of the place: half of the
 * tokens, over a long sequence.
 *
 * An encoder compares residues where the place is hidden, log p(mutant | others) − log p(wild type | others): the
 * masked marginals of Meier et al. (ESM-1v, 2021, doi:10.1101/2021.07.09.450648), one pass a residue; `one-pass` reads
 * both from the sequence as it is, the wild-type marginals there, in one pass.
 *
 * @throws what `scoreSequences` throws; DataError for residues outside the vocabulary
 */
export async function scoreMutants(options: MutantOptions): Promise<MutantScores> {
  const { config, vocabulary, sequence, residues = standardResidues } = options;
  const method = checkMethod("scoreMutants", config, options.method);
  requireTokens(sequence);
  const letters = Array.from(residues);
  const ids = letters.flatMap((letter) => Array.from(vocabulary.encode(letter, { recordId: "residues" })));
  const total = tokensToRead[method](options, ids);
  const tell = (tokens: number) => options.onProgress?.(tokens, total);
  tell(0);
  return {
    id: sequence.id,
    tokens: sequence.tokenIds.length,
    method,
    residues: letters,
    wildType: Array.from(sequence.tokenIds, (id) => vocabulary.decode([id])),
    deltaNats: await tables[method](options, ids, tell),
  };
}

type Table = (options: MutantOptions, ids: readonly number[], tell: (tokens: number) => void) => Promise<Float32Array>;

const tables = {
  likelihood: byLikelihood,
  masked: byMasking,
  "one-pass": inOnePass,
} satisfies Record<MutantScores["method"], Table>;

/** The tokens of all passes together. */
const tokensToRead = {
  likelihood: ({ config, backend, sequence }, ids) => {
    const { length } = sequence.tokenIds;
    const ofVariant = ({ place }: Variant) => length - (hasStates(config, backend) ? suffixStart(place) : 0);
    return Array.from(variants(sequence, ids)).reduce((total, variant) => total + ofVariant(variant), 0);
  },
  masked: ({ sequence }) => sequence.tokenIds.length ** 2,
  "one-pass": ({ sequence }) => sequence.tokenIds.length,
} satisfies Record<MutantScores["method"], (options: MutantOptions, ids: readonly number[]) => number>;

/** A sequence that one cell of the table is for; the wild type has none. */
interface Variant extends SequenceVariant {
  readonly row: number;
}

async function byLikelihood(
  options: MutantOptions,
  ids: readonly number[],
  onProgress: (tokens: number) => void,
): Promise<Float32Array> {
  const { config, backend, sequence, tokensPerBatch = TOKENS_PER_BATCH } = options;
  const { length } = sequence.tokenIds;
  const delta = new Float32Array(ids.length * length);
  wrappedLength({ config, wrap: "shifted" }, sequence);
  const all = { ...options, variants: variants(sequence, ids), tokensPerBatch, onProgress };
  const scores = hasStates(config, backend) ? scoreSuffixes(all) : scoreWhole(all);
  let wildType: Float32Array = new Float32Array(0);
  for await (const { variant, start, nats } of scores) {
    if (variant.row < 0) wildType = nats;
    else delta[variant.row * length + variant.place] = differenceFrom(variant.place, start, nats, wildType);
  }
  return delta;
}

/** For mechanisms without a state: every variant is read from its beginning. */
async function* scoreWhole({ variants, ...options }: PrefixOptions<Variant>): AsyncGenerator<SuffixScore<Variant>> {
  yield* runSequences<SuffixScore<Variant>, Variant>({
    ...options,
    sequences: variants,
    wrap: "shifted",
    build: logProbabilitiesOfTargets,
    rows: { targetIds: ({ tokenIds }) => tokenIds },
    read: ({ nats }, index, variant) => {
      const width = nats?.shape[1] ?? 0;
      const all = nats?.data as Float32Array; // declared float32
      const first = index * width;
      return { variant, start: 0, nats: Float32Array.from(all.subarray(first, first + variant.tokenIds.length)) };
    },
  });
}

/** The wild type, and then every mutant, place by place. */
function* variants({ id, startId, tokenIds }: EncodedSequence, ids: readonly number[]): Generator<Variant> {
  yield { id, startId, tokenIds, row: -1, place: 0 };
  for (const [place, own] of tokenIds.entries()) {
    for (const row of substitutes(ids, own)) {
      yield { id, startId, tokenIds: tokenIds.with(place, ids[row] ?? own), row, place };
    }
  }
}

/** Rows of the table that change a token. */
function substitutes(ids: readonly number[], own: number): readonly number[] {
  return [...ids.keys()].filter((row) => ids[row] !== own);
}

/** The part before the mutation is as likely in the mutant as in the wild type, up to rounding. */
function differenceFrom(place: number, start: number, mutant: Float32Array, wildType: Float32Array): number {
  let difference = 0;
  for (let at = place; at < wildType.length; at++) difference += (mutant[at - start] ?? 0) - (wildType[at] ?? 0);
  return difference;
}

async function byMasking(
  { sequence, ...rest }: MutantOptions,
  ids: readonly number[],
  onProgress: (tokens: number) => void,
): Promise<Float32Array> {
  const { tokenIds } = sequence;
  const delta = new Float32Array(ids.length * tokenIds.length);
  const marginals = maskedMarginals({
    ...rest,
    sequences: [sequence],
    onProgress: (places) => onProgress(places * tokenIds.length),
  });
  for await (const { place, logProbabilities } of marginals) {
    fillColumn(delta, { place, own: tokenIds[place] ?? 0, length: tokenIds.length }, ids, logProbabilities);
  }
  return delta;
}

async function inOnePass(
  { sequence, ...rest }: MutantOptions,
  ids: readonly number[],
  onProgress: (tokens: number) => void,
): Promise<Float32Array> {
  const { tokenIds } = sequence;
  const { length } = tokenIds;
  const { vocabSize } = rest.config;
  const delta = new Float32Array(ids.length * length);
  const all = await wildTypeMarginals({ ...rest, sequence, onProgress });
  for (const [place, own] of tokenIds.entries()) {
    fillColumn(delta, { place, own, length }, ids, all.subarray(place * vocabSize, (place + 1) * vocabSize));
  }
  return delta;
}

/** One place of the table, from the distribution there. */
function fillColumn(
  delta: Float32Array,
  { place, own, length }: { readonly place: number; readonly own: number; readonly length: number },
  ids: readonly number[],
  logProbabilities: Float32Array,
): void {
  const wildType = logProbabilities[own] ?? Number.NaN;
  for (const [row, id] of ids.entries()) {
    delta[row * length + place] = (logProbabilities[id] ?? Number.NaN) - wildType;
  }
}
