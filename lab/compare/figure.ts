/** Validation over training: a line a run, by its steps or by the seconds that they took. */

import * as Plot from "@observablehq/plot";
import type { Figure } from "performer-ts/lab";
import { legend, margins } from "../legend.ts";
import type { Measure } from "../training-runs/subject.ts";
import type { ComparedRun } from "./rows.ts";

/** Okabe and Ito's colours, which readers with colour blindness can tell apart, then shades of grey. */
const COLORS = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#8a7f00",
  "#555555",
  "#999999",
  "#7b3294",
];

/** Runs that belong side by side. */
export interface Panel {
  readonly title: string;
  readonly runs: readonly ComparedRun[];
  readonly measure: Measure;
}

/**
 * What lines are drawn over: seconds show what a mechanism costs, steps do not depend on what else the machine does.
 */
export type Progress = "seconds" | "steps";

export function drawComparison(runs: readonly ComparedRun[], measure: Measure, over: Progress): Figure {
  return drawPanels([{ title: measure.name, runs, measure }], over);
}

/** All panels have one scale. */
export function drawPanels(panels: readonly Panel[], over: Progress): Figure {
  const labels = [...new Set(panels.flatMap(({ runs }) => runs.map(({ label }) => label)))];
  const colorOf = (label: string) => COLORS[labels.indexOf(label) % COLORS.length] ?? "#000000";
  const points = panels.flatMap(({ title, runs, measure }) =>
    runs.flatMap(({ label, seed, result }) =>
      result.curve.map((point) => ({
        panel: title,
        run: `${label} ${seed}`,
        label,
        done: over === "steps" ? point.step : point.seconds,
        value: measure.of(point),
      })),
    ),
  );
  const best = panels[0]?.measure.best ?? "smallest";
  return {
    label: `Validation by ${over} of training (${panels.map(({ title }) => title).join("; ")}), for ${labels.join(", ")}`,
    height: 380,
    plot: () => ({
      ...margins,
      fx: { label: null, padding: 0.08, domain: panels.map(({ title }) => title) },
      x: { label: over === "steps" ? "steps" : "seconds of training", labelArrow: "none" },
      y: { label: "validation", labelArrow: "none", grid: true },
      marks: [
        Plot.lineY(points, {
          fx: "panel",
          x: "done",
          y: "value",
          z: "run",
          stroke: ({ label }: { readonly label: string }) => colorOf(label),
          marker: "dot",
          strokeOpacity: 0.8,
        }),
        ...legend(
          labels.map((label) => ({ label, color: colorOf(label) })),
          best === "smallest" ? "top-right" : "bottom-right",
          panels.at(-1)?.title,
        ),
      ],
    }),
  };
}
