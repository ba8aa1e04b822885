/** Accuracy of every model on both splits: a dot a model, a panel an objective, the baseline as a line. */

import * as Plot from "@observablehq/plot";
import type { Figure } from "performer-ts/lab";
import { legend } from "../legend.ts";
import type { Cell } from "./result.ts";

const TITLES = { U: "U: the next residue", B: "B: hidden residues" } as const;
const SPLIT_NAMES = { test: "test", ood: "unseen families" } as const;
const COLORS = { test: "#0072b2", ood: "#d55e00" } as const;

export function drawTable(cells: readonly Cell[]): Figure {
  const models = [...new Set(cells.map(({ model }) => model))];
  const panelOf = ({ objective }: Cell) => TITLES[objective];
  return {
    label:
      "Accuracy of Transformer, Performer-softmax, Performer-ReLU and the unigram baseline, on test and on unseen families",
    height: 80 + 34 * models.length,
    plot: () => ({
      marginLeft: 130,
      marginRight: 20,
      marginTop: 36,
      marginBottom: 44,
      fx: { label: null, padding: 0.08, domain: Object.values(TITLES) },
      y: { label: null, domain: models, type: "point", padding: 0.6 },
      x: { label: "accuracy, %", labelArrow: "none", grid: true },
      marks: [
        Plot.dot(cells, {
          fx: panelOf,
          x: "accuracy",
          y: "model",
          r: 5,
          fill: ({ split }: Cell) => COLORS[split],
        }),
        ...legend(
          (["test", "ood"] as const).map((split) => ({ label: SPLIT_NAMES[split], color: COLORS[split], mark: "●" })),
          "bottom-right",
          TITLES.B,
        ),
      ],
    }),
  };
}
