/**
 * Accuracy by step: the Transformer's own training, a Performer's, and Performers that begin with the Transformer's
 * weights.
 */

import * as Plot from "@observablehq/plot";
import type { Figure } from "performer-ts/lab";
import { legend, margins } from "../legend.ts";
import type { Run, Transfer } from "./transfer.ts";

/** Okabe and Ito's colours, which readers with colour blindness can tell apart; the Transformer is grey. */
const COLORS = ["#555555", "#999999", "#d55e00", "#0072b2", "#009e73", "#cc79a7"] as const;

/** Draws the first seed, because lines of several would hide one another, and each arm's longest run. */
export function drawTransfer(title: string, transfers: readonly Transfer[]): Figure {
  const runs = transfers.slice(0, 1).flatMap(({ transformer, scratch, moved }) => {
    const isLongest = ({ label, steps }: Run) => moved.every((other) => other.label !== label || other.steps <= steps);
    return [transformer, scratch, ...moved.filter(isLongest)];
  });
  const series = runs.map(({ label, curve }, index) => ({
    label,
    color: COLORS[index % COLORS.length] ?? "#000000",
    points: curve.map(({ step, accuracy }) => ({ step, percent: 100 * accuracy })),
  }));
  const reached = 100 * (runs[0]?.curve.at(-1)?.accuracy ?? 0);
  return {
    label: `${title}: accuracy by step of training, for ${series.map(({ label }) => label).join("; ")}`,
    height: 400,
    plot: () => ({
      ...margins,
      x: { label: `steps (${title})`, labelArrow: "none", tickFormat: "d" },
      y: { label: "accuracy on held-out text, %", labelArrow: "none", grid: true, zero: true },
      marks: [
        Plot.ruleY([reached], { stroke: COLORS[0], strokeDasharray: "3 4" }),
        ...series.map(({ points, color }) =>
          Plot.lineY(points, { x: "step", y: "percent", stroke: color, marker: "dot", strokeOpacity: 0.85 }),
        ),
        ...legend(series, "bottom-right"),
      ],
    }),
  };
}
