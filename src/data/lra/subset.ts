/** Smaller parts of labelled data: as many of each class, chosen by a seed. */
import { createRandom, shuffle } from "../../random/index.ts";
import { emptySplits } from "../datasets.ts";
import { DataError } from "../errors.ts";
import type { LabelledDataset, LabelledSequence } from "../labelled/types.ts";
import type { SplitSizes } from "./balanced.ts";

/**
 * So many sequences of each split, floor(size / numClasses) of each class or one more, in a random order. A split
 * without a size stays as it is.
 *
 * @throws DataError on sizes that are not whole numbers, and when a class has too few sequences
 */
export function takeBalanced<D extends LabelledDataset>(
  dataset: D,
  options: { readonly seed: number | string; readonly sizes?: Partial<SplitSizes> },
): D {
  const { seed, sizes = {} } = options;
  const { name, numClasses, classNames, splits: all } = dataset;
  const splits = emptySplits<LabelledSequence>();
  for (const split of ["train", "valid", "test", "ood"] as const) {
    const size = split === "ood" ? undefined : sizes[split];
    if (size === undefined) {
      splits[split].push(...all[split]);
      continue;
    }
    const random = createRandom(seed, name, split);
    const shuffled = shuffle(random, [...all[split]]);
    const taken = classNames.flatMap((className, label) => {
      const wanted = Math.floor(size / numClasses) + (label < size % numClasses ? 1 : 0);
      const found = shuffled.filter((sequence) => sequence.label === label);
      if (Number.isInteger(size) && size >= 0 && found.length >= wanted) return found.slice(0, wanted);
      throw new DataError({
        who: `data set ${name}`,
        rule: `sizes.${split} must be a whole number, and each class must have its share of it`,
        got: `${size}, of which ${className} should have ${wanted} and has ${found.length}`,
        fix: `pass at most ${found.length * numClasses}, or leave sizes.${split} out to take all ${all[split].length}`,
      });
    });
    splits[split].push(...shuffle(random, taken));
  }
  return { ...dataset, splits };
}
