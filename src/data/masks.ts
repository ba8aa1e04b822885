/** Which tokens of a row masked training hides, and behind what. */
import { shuffle, type Random } from "../random/index.ts";
import { DataError } from "./errors.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** How tokens are hidden. */
export interface MaskingOptions {
  /** The share of ordinary tokens that become targets. Default 0.15, as in BERT (arXiv:1810.04805). */
  readonly maskRate?: number;
  /**
   * "tokens": each on its own, as in BERT. "spans": runs of tokens of geometric length, P(l) ∝ 0.8^(l − 1) · 0.2 up to
   * 10 (mean 3.8), each hidden in one way, as in SpanBERT (arXiv:1907.10529): a neighbour then gives less away. Default
   * "tokens".
   */
  readonly masking?: "tokens" | "spans";
}

/** The success rate of the geometric law of span lengths, and the longest span. */
const SPAN_RATE = 0.2;
const LONGEST_SPAN = 10;

/** Shares of the chosen tokens, as in BERT: 80 % become <mask>, 10 % a random ordinary token, 10 % stay. */
const MASKED_SHARE = 0.8;
const RANDOM_SHARE = 0.1;

/** The fate of each token of a row: kept, masked or replaced. */
export interface MaskedTokens {
  /** The tokens as the model reads them. */
  readonly inputIds: Int32Array;
  /** The chosen places, ascending. */
  readonly places: readonly number[];
}

/**
 * Makes the function that masks a row: round(maskRate · ordinary tokens) of them, at least one where there is one, are
 * chosen without repetition; special tokens never are.
 *
 * @returns draws from the given stream alone, so that equal streams give equal masks
 * @throws DataError when the rate is outside (0, 1], or the vocabulary has no ordinary token
 */
export function createMasking(
  who: string,
  options: MaskingOptions,
  vocabulary: Vocabulary,
): (tokenIds: Int32Array, random: Random) => MaskedTokens {
  const { maskRate = 0.15, masking = "tokens" } = options;
  if (!(maskRate > 0 && maskRate <= 1)) {
    throw new DataError({ who, rule: "maskRate must be in (0, 1]", got: String(maskRate), fix: "pass 0.15" });
  }
  const ordinaryIds = vocabulary.tokens.flatMap((_, id) => (vocabulary.isResidue(id) ? [id] : []));
  const choose = masking === "spans" ? chooseSpans : chooseTokens;

  /** The id that stands at a chosen place, by the way that its run was given. */
  function replace(original: number, way: Way, random: Random): number {
    if (way === "mask") return vocabulary.maskId;
    return way === "random" ? (ordinaryIds[random.integer(ordinaryIds.length)] ?? original) : original;
  }

  return (tokenIds, random) => {
    const candidates = Array.from(tokenIds.keys()).filter((place) => vocabulary.isResidue(tokenIds[place] ?? -1));
    const count = Math.min(candidates.length, Math.max(1, Math.round(maskRate * candidates.length)));
    const inputIds = tokenIds.slice();
    const places: number[] = [];
    for (const run of choose(candidates, count, random)) {
      const way = drawWay(random);
      for (const place of run) {
        inputIds[place] = replace(tokenIds[place] ?? vocabulary.maskId, way, random);
        places.push(place);
      }
    }
    return { inputIds, places: places.sort((a, b) => a - b) };
  };
}

type Way = "mask" | "random" | "keep";

function drawWay(random: Random): Way {
  const u = random.uniform();
  if (u < MASKED_SHARE) return "mask";
  return u < MASKED_SHARE + RANDOM_SHARE ? "random" : "keep";
}

/** So many of the candidates, each a run of its own. */
function chooseTokens(candidates: readonly number[], count: number, random: Random): number[][] {
  return shuffle(random, [...candidates])
    .slice(0, count)
    .map((place) => [place]);
}

/**
 * Runs until so many candidates are chosen; the last one is cut to fit. Lengths are drawn first and starts then
 * uniformly; what a run shares with an earlier one, or with a special token, is not chosen again.
 */
function chooseSpans(candidates: readonly number[], count: number, random: Random): number[][] {
  const runs: number[][] = [];
  const free = new Set(candidates);
  const numFree = candidates.length;
  while (numFree - free.size < count) {
    const length = Math.min(drawSpanLength(random), count - (numFree - free.size), numFree);
    const start = random.integer(numFree - length + 1);
    // Consecutive candidates that are consecutive places: a span does not reach across a special token.
    const run: number[] = [];
    for (let i = start; i < start + length; i++) {
      const place = candidates[i] ?? 0;
      const isNext = run.length === 0 || place === (run.at(-1) ?? 0) + 1;
      if (!isNext) break;
      if (!free.delete(place)) break;
      run.push(place);
    }
    if (run.length > 0) runs.push(run);
  }
  return runs;
}

/** Geometric, cut at the longest span by drawing again, which keeps the law's proportions. */
function drawSpanLength(random: Random): number {
  while (true) {
    let length = 1;
    while (length <= LONGEST_SPAN && random.uniform() >= SPAN_RATE) length += 1;
    if (length <= LONGEST_SPAN) return length;
  }
}
