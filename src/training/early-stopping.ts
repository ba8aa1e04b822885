/**
 * Early stopping: the weights of the lowest validation loss are kept, and training ends when it has not fallen for a
 * while.
 */
import { ConfigError, problem } from "../graph/errors.ts";
import type { NdArray } from "../graph/ndarray.ts";
import { mapValues, renamed } from "../graph/records.ts";
import type { Named } from "../model/parameters.ts";
import { pickNames } from "./freeze.ts";

/** The evaluation with the lowest validation loss so far. */
export interface BestSoFar {
  readonly step: number;
  /** The validation loss; for a regression, the mean squared error. */
  readonly lossNats: number;
  /** The number of evaluations since then. */
  readonly evaluationsSince: number;
}

export interface BestKeeper {
  /** Takes note of an evaluation of `model`; its arrays are copied where it is the best so far. */
  readonly note: (step: number, lossNats: number, model: Named<NdArray>) => void;
  /** Whether patience has run out. */
  readonly isOver: () => boolean;
  /** Undefined before the first evaluation, and without patience. */
  readonly best: () => BestSoFar | undefined;
  /** The best weights, as `best.<name>`: what a resumed run goes on from. */
  readonly arrays: () => Record<string, NdArray>;
  /** Copies of the best weights by their names. */
  readonly weights: () => Record<string, NdArray>;
}

const PREFIX = "best.";

/**
 * @param patience evaluations in a row without a lower loss that end training; 0: nothing is kept and nothing ends
 * @param kept what a stored run knew: its `best` and its arrays `best.<name>`
 * @param names weights that change in training
 * @throws ConfigError when the stored run lacks one of its arrays
 */
export function createBestKeeper(
  patience: number,
  kept: { readonly best?: BestSoFar | undefined; readonly arrays: Named<NdArray> },
  names: readonly string[],
): BestKeeper {
  let best = patience > 0 ? kept.best : undefined;
  let arrays: Record<string, NdArray> = best === undefined ? {} : renamed(kept.arrays, PREFIX, PREFIX);
  const missing = best === undefined ? undefined : names.find((name) => !(PREFIX + name in arrays));
  if (missing !== undefined) {
    throw new ConfigError(
      problem`train: the optimizer state must hold '${PREFIX}${missing}', the best weights so far, got nothing; it
      belongs to another run`,
    );
  }
  return {
    note: (step, lossNats, model) => {
      if (patience === 0) return;
      if (best === undefined || Number.isNaN(best.lossNats) || lossNats < best.lossNats) {
        best = { step, lossNats, evaluationsSince: 0 };
        arrays = renamed(copies(pickNames(model, names)), "", PREFIX);
      } else {
        best = { ...best, evaluationsSince: best.evaluationsSince + 1 };
      }
    },
    isOver: () => best !== undefined && best.evaluationsSince >= patience,
    best: () => best,
    arrays: () => arrays,
    weights: () => copies(renamed(arrays, PREFIX, "")),
  };
}

function copies(arrays: Named<NdArray>): Record<string, NdArray> {
  return mapValues(arrays, (array) => ({ ...array, data: array.data.slice() }));
}
