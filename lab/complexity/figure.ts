/** Time over length, both logarithmic: a line a mechanism and direction, in another colour where it is not linear. */

import * as Plot from "@observablehq/plot";
import type { Figure } from "performer-ts/lab";
import type { Series } from "./result.ts";
import { isLinear } from "./subjects.ts";

const COLORS = { linear: "#0072b2", other: "#d55e00" } as const;
/** Names stand at least this factor apart on the scale of milliseconds, so that none hides another. */
const LABEL_GAP = 1.13;

interface Point {
  readonly panel: string;
  readonly series: Series;
  readonly length: number;
  readonly ms: number;
}

export function drawTimes(series: readonly Series[]): Figure {
  const points = series.flatMap((each) =>
    each.lengths.map((length, index): Point => ({
      panel: panelOf(each),
      series: each,
      length,
      ms: each.medianMs[index] ?? 0,
    })),
  );
  const ends = series.map((each): Point => ({
    panel: panelOf(each),
    series: each,
    length: each.lengths.at(-1) ?? 1,
    ms: each.medianMs.at(-1) ?? 1,
  }));
  const longest = Math.max(...points.map(({ length }) => length));
  const labels = ["causal", "bidirectional"].flatMap((panel) => spread(ends.filter((end) => end.panel === panel)));
  const colorOf = (point: Point) => (isLinear(point.series.complexity) ? COLORS.linear : COLORS.other);
  return {
    label: "Milliseconds of a forward pass by tokens, for every mechanism; behind the name the exponent of the length",
    height: 560,
    plot: () => ({
      marginLeft: 50,
      marginRight: 118,
      marginTop: 30,
      marginBottom: 44,
      fx: { label: null, padding: 0.45, domain: ["causal", "bidirectional"] },
      x: { type: "log", base: 2, label: "tokens", labelArrow: "none", tickFormat: binaryThousands },
      y: { type: "log", label: "ms", labelArrow: "none", grid: true, tickFormat: ",d" },
      marks: [
        Plot.lineY(points, {
          fx: "panel",
          x: "length",
          y: "ms",
          z: ({ series: { name } }: Point) => name,
          stroke: colorOf,
          strokeWidth: 1.3,
        }),
        // Where names were moved apart, a thin line leads from the end of a curve to its name.
        Plot.link(labels, {
          fx: "panel",
          x1: "length",
          x2: () => longest * 1.12,
          y1: "ms",
          y2: "at",
          stroke: colorOf,
          strokeWidth: 0.5,
          strokeOpacity: 0.6,
          clip: false,
        }),
        Plot.text(labels, {
          fx: "panel",
          x: () => longest * 1.12,
          y: "at",
          text: ({ series: { name, exponent } }: Point) => `${name} ${exponent.toFixed(2)}`,
          textAnchor: "start",
          dx: 2,
          fontSize: 9,
          fill: colorOf,
        }),
      ],
    }),
  };
}

function panelOf({ causal }: Series): string {
  return causal ? "causal" : "bidirectional";
}

/** 512, 1k, 2k, 16k: of 1,024 each. */
function binaryThousands(tokens: number): string {
  return tokens < 1024 ? String(tokens) : `${tokens / 1024}k`;
}

/** Where each name stands: at the end of its curve, or above the name below it. */
function spread(ends: readonly Point[]): readonly (Point & { readonly at: number })[] {
  let below = 0;
  return ends
    .toSorted((a, b) => a.ms - b.ms)
    .map((end) => {
      below = Math.max(end.ms, below * LABEL_GAP);
      return { ...end, at: below };
    });
}
