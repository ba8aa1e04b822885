/** The utility r over angles and lengths, its slice at one length, and both errors where the kernel is small. */

import * as Plot from "@observablehq/plot";
import type { Figure } from "performer-ts/lab";
import { legend, margins } from "../legend.ts";
import { positiveError, softmaxKernel, trigonometricError, utility } from "./formulas.ts";
import type { Comparison } from "./result.ts";

/** Lines of the formulas have a point a degree. */
const DEGREES = Array.from({ length: 178 }, (_, index) => index + 1.5);
const PANELS = ["r by length (lines: formula)", "both errors"] as const;
const [RATIO, ERRORS] = PANELS;
const BLUES = ["#9cc3f0", "#5b95dd", "#2563c9", "#12397a"] as const;
const SHOWN_LENGTHS = [0.5, 1, 1.5, 2] as const;

interface Point {
  readonly panel: (typeof PANELS)[number];
  readonly degrees: number;
  readonly value: number;
}

/** @param sliceLength the length of the panel of both errors */
export function drawUtility(comparisons: readonly Comparison[], sliceLength: number): Figure {
  const lengths = SHOWN_LENGTHS.filter((length) => comparisons.some(({ place }) => place.length === length));
  const ratios = lengths.map((length, index) => ({
    label: `length ${length}`,
    color: BLUES[index] ?? "#12397a",
    line: DEGREES.map((degrees) => point(RATIO, degrees, utility({ length, angle: radians(degrees) }))),
    dots: comparisons
      .filter(({ place }) => place.length === length)
      .map(({ degrees, measured }) => point(RATIO, degrees, measured)),
  }));
  const slice = comparisons.filter(({ place }) => place.length === sliceLength);
  const errors = [
    {
      label: "trigonometric",
      color: "#c2570c",
      line: DEGREES.map((degrees) => point(ERRORS, degrees, trigonometricError(at(degrees)))),
      dots: slice.map(({ degrees, trigonometric }) => point(ERRORS, degrees, trigonometric)),
    },
    {
      label: "positive",
      color: "#2563c9",
      line: DEGREES.map((degrees) => point(ERRORS, degrees, positiveError(at(degrees)))),
      dots: slice.map(({ degrees, positive }) => point(ERRORS, degrees, positive)),
    },
    {
      label: `SM² at length ${sliceLength}`,
      color: "#6b7280",
      line: DEGREES.map((degrees) => point(ERRORS, degrees, softmaxKernel(at(degrees)) ** 2)),
      dots: [],
    },
  ];
  function at(degrees: number) {
    return { length: sliceLength, angle: radians(degrees) };
  }
  return {
    label:
      "Ratio of the errors of trigonometric and positive features by angle for several lengths, and both errors at length 1",
    height: 400,
    plot: () => ({
      ...margins,
      fx: { label: null, padding: 0.08, domain: [...PANELS] },
      x: {
        label: "angle between x and y, degrees",
        labelArrow: "none",
        domain: [0, 180],
        ticks: [0, 45, 90, 135, 180],
      },
      y: { type: "log", label: "r, or mean squared error", labelArrow: "none", grid: true, tickFormat: "~e" },
      marks: [
        Plot.ruleY([{ panel: RATIO }], { fx: "panel", y: 1, stroke: "#1c1e21" }),
        ...[...ratios, ...errors].flatMap(({ line, dots, color }) => [
          Plot.lineY(line, { fx: "panel", x: "degrees", y: "value", stroke: color, strokeWidth: 1.5 }),
          Plot.dot(dots, { fx: "panel", x: "degrees", y: "value", fill: color, r: 2.6 }),
        ]),
        ...legend(ratios, "top-left", RATIO),
        ...legend(errors, "top-left", ERRORS),
      ],
    }),
  };
}

function point(panel: Point["panel"], degrees: number, value: number): Point {
  return { panel, degrees, value };
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
