/** A text as what a student learns from, what tells its best weights, and what it is tested on. */
import { ConfigError, problem } from "../graph/errors.ts";
import { evenlyChosen, FEWEST_CHARACTERS, paragraphsOf, sentencePairs, sentencesOf } from "../data/passages.ts";

export interface DistillTexts {
  /** Paragraphs, and the sentences of those that have several: texts of all lengths. */
  readonly learn: readonly string[];
  /** Texts from later paragraphs, never trained on. */
  readonly heldOut: readonly string[];
  /** First sentences of the last paragraphs, each with the text that follows it. */
  readonly pairs: ReturnType<typeof sentencePairs>;
}

export interface DistillTextOptions {
  /** The text whose paragraphs are tested on. Default: the last of the same. */
  readonly test?: string;
  /** Texts that are held out at most. Default 128: their mean cosine is known to about 0.005. */
  readonly heldOut?: number;
  /** Pairs that are tested at most. Default 256: recall is known to 3 points. */
  readonly pairs?: number;
}

/**
 * Shares of the paragraphs, in their order, that are held out and that are tested on: what is next to a text is like
 * it.
 */
const HELD_OUT = 0.05;
const TESTED = 0.05;

/** @throws ConfigError for a text of too few paragraphs, or with none to test on */
export function distillTexts(
  text: string,
  { test, heldOut = 128, pairs = 256 }: DistillTextOptions = {},
): DistillTexts {
  const paragraphs = paragraphsOf(text).filter((paragraph) => paragraph.length >= FEWEST_CHARACTERS);
  const last = test === undefined ? Math.ceil(paragraphs.length * TESTED) : 0;
  const held = Math.ceil(paragraphs.length * HELD_OUT);
  const numLearnt = paragraphs.length - held - last;
  if (numLearnt < 1 || held < 1) {
    throw new ConfigError(
      problem`distill: the text must have 3 paragraphs of ${FEWEST_CHARACTERS} characters or more, to learn from and to
      be held out, got ${paragraphs.length}; give a longer one, with blank lines between paragraphs or a paragraph a
      line`,
    );
  }
  const found = sentencePairs(test === undefined ? paragraphs.slice(numLearnt + held) : paragraphsOf(test));
  if (found.length === 0) {
    throw new ConfigError(
      problem`distill: the text that is tested on must have paragraphs of two sentences or more, got none; give another
      one`,
    );
  }
  return {
    learn: withSentences(paragraphs.slice(0, numLearnt)),
    heldOut: evenlyChosen(withSentences(paragraphs.slice(numLearnt, numLearnt + held)), heldOut),
    pairs: evenlyChosen(found, pairs),
  };
}

function withSentences(paragraphs: readonly string[]): readonly string[] {
  return paragraphs.flatMap((paragraph) => {
    const sentences = sentencesOf(paragraph).filter((sentence) => sentence.length >= FEWEST_CHARACTERS);
    return sentences.length > 1 ? [paragraph, ...sentences] : [paragraph];
  });
}
