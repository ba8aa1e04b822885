/** What the runs come to: accuracies at once and after each budget, and whether the claim holds. */

import { mean, roundTo, type JsonRecord } from "performer-ts/lab";
import { stepsOf, type Run, type Transfer } from "./transfer.ts";

/** An accuracy within this of the original's, in shares of one, counts as recovered. */
export const MARGIN = 0.002;
/** How far above the commonest token's share the accuracy at once must be, in shares of one, to be "well above". */
export const ABOVE_FREQUENCIES = 0.05;
/** The share of the original steps that is "a small fraction". */
export const SMALL_FRACTION = 0.1;

/** @param judged the label of the arm that is */
export function verdictOf(transfers: readonly Transfer[], judged: string, frequencies: number) {
  const goal = goalOf(transfers);
  const small = transfers.flatMap(({ transformer, moved }) =>
    moved.filter(({ label, steps }) => label === judged && steps === stepsOf(SMALL_FRACTION, transformer.steps)),
  );
  return {
    aboveFrequenciesAtOnce: mean(small.map(atOnce)) >= frequencies + ABOVE_FREQUENCIES,
    recoveredInSmallFraction: mean(small.map(atLast)) >= goal,
  };
}

interface About {
  readonly frequencies: number;
  readonly budgets: readonly number[];
  /** The steps of the original training. */
  readonly steps: number;
}

/** Means over seeds, in shares of one. */
export function describe(transfers: readonly Transfer[], { frequencies, budgets, steps }: About): JsonRecord {
  const goal = goalOf(transfers);
  const labels = [...new Set(transfers.flatMap(({ moved }) => moved.map(({ label }) => label)))];
  const meanOf = (runs: readonly Run[], of: (run: Run) => number) => roundTo(mean(runs.map(of)), 4);
  const transformers = transfers.map(({ transformer }) => transformer);
  const scratch = transfers.map((each) => each.scratch);
  return {
    frequencies: roundTo(frequencies, 4),
    transformer: { accuracy: meanOf(transformers, atLast), bySeed: transformers.map((run) => roundTo(atLast(run), 4)) },
    scratch: {
      accuracy: meanOf(scratch, atLast),
      // On the way, at the learning rates of the whole run.
      atBudgets: budgets.map((budget) => ({
        share: budget,
        accuracy: roundTo(mean(scratch.map((run) => accuracyAt(run, stepsOf(budget, steps)))), 4),
      })),
    },
    arms: labels.map((label) => {
      const own = transfers.flatMap(({ moved }) => moved.filter((run) => run.label === label));
      return {
        label,
        accuracyAtOnce: meanOf(own, atOnce),
        afterBudgets: budgets.map((budget) => {
          const runs = own.filter((run) => run.steps === stepsOf(budget, steps));
          return { share: budget, accuracy: meanOf(runs, atLast), bySeed: runs.map((run) => roundTo(atLast(run), 4)) };
        }),
        recoveredAt: recoveredAt(own, goal, steps),
      };
    }),
  };
}

/** Mean accuracy at which the Transformers count as reached. */
function goalOf(transfers: readonly Transfer[]): number {
  return mean(transfers.map(({ transformer }) => atLast(transformer))) - MARGIN;
}

/**
 * The smallest share of the original steps at which the mean over seeds of a run is at the goal; null where none comes
 * so far.
 */
function recoveredAt(runs: readonly Run[], goal: number, steps: number): number | null {
  const lengths = [...new Set(runs.map((run) => run.steps))];
  const reached = lengths.flatMap((length) => {
    const own = runs.filter((run) => run.steps === length);
    return (own[0]?.curve ?? []).flatMap(({ step }, index) =>
      mean(own.map(({ curve }) => curve[index]?.accuracy ?? Number.NaN)) >= goal ? [step] : [],
    );
  });
  return reached.length === 0 ? null : roundTo(Math.min(...reached) / steps, 3);
}

function atOnce({ curve }: Run): number {
  return curve[0]?.accuracy ?? Number.NaN;
}

function atLast({ curve }: Run): number {
  return curve.at(-1)?.accuracy ?? Number.NaN;
}

/** At the first evaluation from that step on. */
function accuracyAt({ curve }: Run, step: number): number {
  return curve.find((point) => point.step >= step)?.accuracy ?? Number.NaN;
}
