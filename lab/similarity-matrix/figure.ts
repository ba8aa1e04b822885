/** Correlation with BLOSUM62 over training, a line for each way of reading similarity from a model. */

import * as Plot from "@observablehq/plot";
import type { Figure } from "performer-ts/lab";
import { legend, margins } from "../legend.ts";
export interface Measurement {
  readonly step: number;
  readonly correlations: readonly { readonly view: string; readonly correlation: number }[];
}

const COLORS: Readonly<Record<string, string>> = { pairs: "#0072b2", heads: "#009e73", embeddings: "#d55e00" };
const NAMES: Readonly<Record<string, string>> = {
  pairs: "attention between pairs",
  heads: "attention over heads",
  embeddings: "token embeddings",
};

/** @param goal drawn as a line */
export function drawCorrelations(measured: readonly Measurement[], goal: number): Figure {
  const points = measured.flatMap(({ step, correlations }) => correlations.map((each) => ({ step, ...each })));
  const views = [...new Set(points.map(({ view }) => view))];
  const colorOf = (view: string) => COLORS[view] ?? "#000000";
  return {
    label:
      "Correlation of similarities of amino acids with BLOSUM62 by steps of training, from attention and from token embeddings",
    height: 360,
    plot: () => ({
      ...margins,
      x: { label: "steps", labelArrow: "none" },
      y: { label: "correlation with BLOSUM62", labelArrow: "none", grid: true },
      marks: [
        Plot.ruleY([goal], { stroke: "#1c1e21", strokeDasharray: "4 3" }),
        Plot.lineY(points, {
          x: "step",
          y: "correlation",
          z: "view",
          stroke: ({ view }: { readonly view: string }) => colorOf(view),
          marker: "dot",
        }),
        ...legend(
          views.map((view) => ({ label: NAMES[view] ?? view, color: colorOf(view) })),
          "top-left",
        ),
      ],
    }),
  };
}
