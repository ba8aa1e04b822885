/** ListOps: nested lists of digits to be evaluated; the order of nesting has to be followed over the whole sequence. */
import { requirePositiveInteger } from "../../graph/arguments.ts";
import { DataError } from "../errors.ts";
import { wordVocabulary } from "../vocabularies/words.ts";
import { generateBalanced, type GeneratorOptions } from "./balanced.ts";
import type { Random } from "../../random/index.ts";
import type { LabelledDataset } from "../labelled/types.ts";
import type { Vocabulary } from "../vocabulary.ts";

/** The operators, by their words. Each maps digits to a digit. */
const operators = {
  "[MAX": (digits) => Math.max(...digits),
  "[MIN": (digits) => Math.min(...digits),
  "[MED": median,
  "[SM": (digits) => digits.reduce((sum, digit) => sum + digit, 0) % 10,
} as const satisfies Record<string, (digits: readonly number[]) => number>;

const opening = Object.keys(operators);
const evaluators: readonly ((digits: readonly number[]) => number)[] = Object.values(operators);
const CLOSING = "]";
const digits = Array.from({ length: 10 }, (_, digit) => String(digit));

/** 15 words: the digits, the opening operators, the closing bracket. */
export const listOpsVocabulary: Vocabulary = wordVocabulary({
  name: "listops",
  words: [...digits, ...opening, CLOSING],
});

/** Options of ListOps sequences; the defaults are those of Long Range Arena. */
export interface ListOpsOptions extends GeneratorOptions {
  /** Tokens of the shortest sequence. Default 500. */
  readonly minLength?: number;
  /** Tokens of the longest sequence. Default 2,000. */
  readonly maxLength?: number;
  /** Nesting; digits stand at this depth at the latest. Default 10. */
  readonly maxDepth?: number;
  /** An operator has 2 to so many arguments. Default 10. */
  readonly maxArgs?: number;
}

/** An argument is an operator of its own with this probability, as in the published generator. */
const NESTING_RATE = 0.25;

/**
 * Generates ListOps, e.g. `[MAX 2 9 [MIN 4 7 ] 0 ]` = 9: ten classes, the value. MED is the median, of an even number
 * of digits the mean of the middle two, rounded down; SM the sum modulo 10. Trees grow at random from the root and are
 * refused outside the lengths; classes are balanced here, which the published data are not. The paper took 96,000,
 * 2,000 and 2,000 sequences.
 *
 * Source: arXiv:1804.06028; the setting of Long Range Arena, arXiv:2011.04006.
 *
 * @throws DataError when lengths, depth or arguments are not sizes, and when they leave too few sequences
 */
export function generateListOps(options: ListOpsOptions): LabelledDataset {
  const who = "generateListOps";
  const { minLength = 500, maxLength = 2000, maxDepth = 10, maxArgs = 10 } = options;
  requirePositiveInteger(who, "minLength", minLength, "pass a number such as 500", DataError);
  requirePositiveInteger(who, "maxLength", maxLength, "pass a number such as 2000", DataError);
  requirePositiveInteger(who, "maxDepth", maxDepth, "pass a number such as 10", DataError);
  requirePositiveInteger(who, "maxArgs", maxArgs, "pass a number such as 10", DataError);
  // The shortest operator is "[MAX 1 2 ]".
  if (maxDepth < 2 || maxArgs < 2 || maxLength < Math.max(4, minLength)) {
    throw new DataError({
      who,
      rule: "maxDepth and maxArgs must be at least 2, and maxLength at least 4 and minLength",
      got: `maxDepth ${maxDepth}, maxArgs ${maxArgs}, minLength ${minLength}, maxLength ${maxLength}`,
      fix: "leave them out for Long Range Arena's own: 10, 10, 500, 2000",
    });
  }
  const grow = createGrowth(maxDepth, maxArgs, maxLength);
  return generateBalanced({
    name: "listops",
    vocabulary: listOpsVocabulary,
    classNames: digits,
    generator: options,
    draw(random) {
      const grown = grow(random);
      return grown !== undefined && grown.tokenIds.length >= minLength ? grown : undefined;
    },
  });
}

/** Makes the function that grows one tree; it gives undefined for one longer than maxLength. */
function createGrowth(
  maxDepth: number,
  maxArgs: number,
  maxLength: number,
): (random: Random) => { readonly tokenIds: Int32Array; readonly label: number } | undefined {
  const idsOf = listOpsVocabulary.encode;
  const digitIds = idsOf(digits.join(" "));
  const openingIds = idsOf(opening.join(" "));
  const [closingId = 0] = idsOf(CLOSING);
  const buffer = new Int32Array(maxLength);
  let length = 0;

  /** Tokens beyond the buffer are counted and not kept. */
  function push(id: number | undefined): void {
    if (length < maxLength) buffer[length] = id ?? 0;
    length += 1;
  }

  /** Writes an operator and gives its value; stops growing as soon as the tree is too long. */
  function growOperator(random: Random, depth: number): number {
    const numArgs = 2 + random.integer(maxArgs - 1);
    const operator = random.integer(opening.length);
    push(openingIds[operator]);
    const values: number[] = [];
    for (let i = 0; i < numArgs && length <= maxLength; i++) {
      if (depth < maxDepth && random.uniform() < NESTING_RATE) {
        values.push(growOperator(random, depth + 1));
      } else {
        const digit = random.integer(10);
        push(digitIds[digit]);
        values.push(digit);
      }
    }
    push(closingId);
    return evaluators[operator]?.(values) ?? 0;
  }

  return (random) => {
    length = 0;
    // The root is at depth 1, its arguments at depth 2; digits alone stand at maxDepth.
    const label = growOperator(random, 2);
    return length > maxLength ? undefined : { tokenIds: buffer.slice(0, length), label };
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : Math.floor(((sorted[middle - 1] ?? 0) + upper) / 2);
}
