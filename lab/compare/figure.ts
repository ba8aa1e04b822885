// Validation over training: a line a run, by steps and by the seconds that they took.

import * as Plot from "@observablehq/plot";
import type { Figure } from "performer-ts/lab";
import type { Measure } from "../training-runs/subjects.ts";
import type { ComparedRun } from "./rows.ts";

/** Told apart by readers who do not see colours well: Okabe and Ito's, then shades of grey. */
const COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a7f00", "#555555", "#999999"];

export function drawComparison(runs: readonly ComparedRun[], measure: Measure): Figure {
  const labels = [...new Set(runs.map(({ label }) => label))];
  const colorOf = (label: string) => COLORS[labels.indexOf(label) % COLORS.length] ?? "#000000";
  const points = runs.flatMap(({ label, seed, result }) =>
    result.curve.map((point) => ({
      run: `${label} ${seed}`,
      label,
      seconds: point.seconds,
      value: measure.of(point),
    })),
  );
  const names = labels.map((label, index) => ({ label, index }));
  return {
    label: `Validation ${measure.name} by seconds of training, for ${labels.join(", ")}`,
    height: 380,
    plot: () => ({
      marginLeft: 56,
      marginRight: 14,
      marginTop: 24,
      marginBottom: 44,
      x: { label: "seconds of training", labelArrow: "none" },
      y: { label: `validation, ${measure.name}`, labelArrow: "none", grid: true },
      marks: [
        Plot.lineY(points, {
          x: "seconds",
          y: "value",
          z: "run",
          stroke: ({ label }: { readonly label: string }) => colorOf(label),
          marker: "dot",
          strokeOpacity: 0.8,
        }),
        ...names.map(({ label, index }) =>
          Plot.text([label], {
            frameAnchor: "top-right",
            text: () => `― ${label}`,
            fill: colorOf(label),
            dx: -4,
            dy: 4 + 17 * index,
          }),
        ),
      ],
    }),
  };
}
