/** Generated classification data: as many of each class, no sequence twice, every split from a stream of its own. */
import { createRandom, shuffle, type Random } from "../../random/index.ts";
import { DataError } from "../errors.ts";
import type { EncodedSequence } from "../datasets.ts";
import type { LabelledDataset, LabelledSequence } from "../labelled/types.ts";
import type { Vocabulary } from "../vocabulary.ts";

/** The splits that a generator makes. */
export type GeneratedSplit = "train" | "valid" | "test";

/** How many sequences each split gets. */
export type SplitSizes = Readonly<Record<GeneratedSplit, number>>;

/** Options of all generators. */
export interface GeneratorOptions {
  /** Decides everything. */
  readonly seed: number | string;
  /** Default 2,000 train, 200 valid, 200 test: minutes of training on a CPU; each task names what the paper took. */
  readonly sizes?: Partial<SplitSizes>;
}

/** One generated example. */
export interface Example extends Pick<EncodedSequence, "tokenIds"> {
  readonly label: number;
}

/** Attempts in a row that may fail before a task counts as impossible. */
const MAX_REFUSED = 200_000;

/**
 * Draws examples until every class has its share of every split: size / numClasses, the remainder to the first classes.
 *
 * A split does not depend on the sizes of the others but for sequences that would come twice, which are refused; test
 * is drawn first, so that it is the same for every size of train.
 *
 * @param draw an example of any class, of one that is still open where the generator can choose; undefined for a failed
 *   attempt
 * @throws DataError when sizes are not whole numbers, and when the options leave too few distinct examples
 */
export function generateBalanced(options: {
  readonly name: string;
  readonly vocabulary: Vocabulary;
  readonly classNames: readonly string[];
  readonly generator: GeneratorOptions;
  readonly draw: (random: Random, open: readonly number[], split: GeneratedSplit) => Example | undefined;
}): LabelledDataset {
  const { name, vocabulary, classNames, generator, draw } = options;
  const sizes: SplitSizes = { train: 2000, valid: 200, test: 200, ...generator.sizes };
  const seen = new Set<string>();

  function generate(split: GeneratedSplit): LabelledSequence[] {
    const size = sizes[split];
    if (!Number.isInteger(size) || size < 0) {
      throw new DataError({
        who: name,
        rule: `sizes.${split} must be a whole number from 0 on`,
        got: String(size),
        fix: "pass a number such as 200",
      });
    }
    const random = createRandom(generator.seed, name, split);
    const numClasses = classNames.length;
    const missing = classNames.map((_, c) => Math.floor(size / numClasses) + (c < size % numClasses ? 1 : 0));
    const examples: Example[] = [];
    let refused = 0;
    while (examples.length < size) {
      const open = [...missing.keys()].filter((c) => (missing[c] ?? 0) > 0);
      const example = draw(random, open, split);
      const key = String.fromCharCode(...(example?.tokenIds ?? []));
      if (example === undefined || (missing[example.label] ?? 0) === 0 || seen.has(key)) {
        refused += 1;
        if (refused >= MAX_REFUSED) throw tooFew(split, size, examples.length);
        continue;
      }
      refused = 0;
      seen.add(key);
      missing[example.label] = (missing[example.label] ?? 0) - 1;
      examples.push(example);
    }
    // The common classes are full first: without a shuffle the last examples would be those of the rare ones.
    return shuffle(random, examples).map((example, i) => ({ id: `${split}-${i}`, ...example }));
  }

  function tooFew(split: GeneratedSplit, size: number, found: number): DataError {
    return new DataError({
      who: name,
      rule: `there must be ${size} distinct balanced examples for ${split}`,
      got: `${found} of them in ${MAX_REFUSED} further attempts`,
      fix: "ask for fewer, or allow more lengths or sizes",
    });
  }

  const [test, valid, train] = [generate("test"), generate("valid"), generate("train")];
  return {
    name,
    vocabulary,
    task: "classification",
    classNames,
    numClasses: classNames.length,
    splits: { train, valid, test, ood: [] },
  };
}
