/** What runs come to: the step of recovery, means over seeds, and the verdict. */

import { describe, expect, it } from "vitest";

import { ABOVE_FREQUENCIES, describe as summarise, MARGIN, verdictOf } from "./summary.ts";
import type { Run, Transfer } from "./transfer.ts";

const STEPS = 100;
const BUDGETS = [0.1, 0.4] as const;
const FREQUENCIES = 0.2;

/** A run whose accuracies lie evenly over its steps. */
function runOf(label: string, seed: number, steps: number, accuracies: readonly number[]): Run {
  const curve = accuracies.map((accuracy, index) => ({
    step: (index * steps) / (accuracies.length - 1),
    accuracy,
    lossNats: 1,
  }));
  return { label, seed, steps, curve };
}

/** Arm A recovers in the longer budget, B never. */
function transferOf(seed: number, shift: number): Transfer {
  return {
    transformer: runOf("Transformer", seed, STEPS, [0, 0.3, 0.5 + shift]),
    scratch: runOf("scratch", seed, STEPS, [0, 0.1, 0.2, 0.3, 0.4, 0.41]),
    moved: [
      runOf("A", seed, 10, [0.3, 0.4, 0.45]),
      runOf("A", seed, 40, [0.3, 0.42, 0.5, 0.48 + shift, 0.6]),
      runOf("B", seed, 10, [0.1, 0.2, 0.3]),
      runOf("B", seed, 40, [0.1, 0.2, 0.3]),
    ],
  };
}

const transfers = [transferOf(1, -0.02), transferOf(2, 0.02)];

describe("the summary", () => {
  const found = summarise(transfers, { frequencies: FREQUENCIES, budgets: BUDGETS, steps: STEPS });

  it("holds means over seeds at once and behind every budget, and the earliest step of recovery", () => {
    expect(found["arms"]).toMatchObject([
      {
        label: "A",
        accuracyAtOnce: 0.3,
        afterBudgets: [
          { share: 0.1, accuracy: 0.45, bySeed: [0.45, 0.45] },
          { share: 0.4, accuracy: 0.6 },
        ],
        recoveredAt: 0.2,
      },
      { label: "B", accuracyAtOnce: 0.1, recoveredAt: null },
    ]);
    expect(found["transformer"]).toEqual({ accuracy: 0.5, bySeed: [0.48, 0.52] });
  });

  it("reads the run from scratch at the same steps", () => {
    expect(found["scratch"]).toEqual({
      accuracy: 0.41,
      atBudgets: [
        { share: 0.1, accuracy: 0.1 },
        { share: 0.4, accuracy: 0.2 },
      ],
    });
  });
});

describe("the verdict", () => {
  const verdict = (atOnce: number, atLast: number) =>
    verdictOf([{ ...transferOf(1, 0), moved: [runOf("A", 1, 10, [atOnce, atLast])] }], "A", FREQUENCIES);

  it("counts what is as near as the margin, and no less", () => {
    expect(verdict(0.3, 0.5 - MARGIN / 2).recoveredInSmallFraction).toBe(true);
    expect(verdict(0.3, 0.5 - 2 * MARGIN).recoveredInSmallFraction).toBe(false);
  });

  it("wants an accuracy at once that is well above the commonest token's", () => {
    expect(verdict(FREQUENCIES + 1.1 * ABOVE_FREQUENCIES, 0.4).aboveFrequenciesAtOnce).toBe(true);
    expect(verdict(FREQUENCIES + 0.9 * ABOVE_FREQUENCIES, 0.4).aboveFrequenciesAtOnce).toBe(false);
  });
});
