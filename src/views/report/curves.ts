/** The curves of a training run: loss against the unigram baseline, and the learning rate. */

import * as Plot from "@observablehq/plot";

import { mean } from "../../statistics/index.ts";
import { renderChart } from "./chart.ts";
import type { CurvePoint, LossBaseline } from "./data.ts";
import { html, type Html } from "./html.ts";
import { formatFixed } from "../../text/numbers.ts";

/** More points than pixels make a page large and a line no better. */
const MAX_POINTS = 600;
/** The strong line of the training loss is a mean over this part of the run. */
const SMOOTH_FRACTION = 1 / 25;
const LOSS_HEIGHT = 360;
const LEARNING_RATE_HEIGHT = 170;
const NARROW_PIXELS = 500;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** What the chart of losses shows beside the curves. */
interface LossChartOptions {
  /** The axis title: "Loss (nats per residue)". */
  readonly title: string;
  readonly baseline: LossBaseline | undefined;
}

/** Training and validation loss, with the line of the baseline. */
export function renderLossChart(metrics: readonly CurvePoint[], { title, baseline }: LossChartOptions): Html {
  const raw = thin(pointsOf(metrics, "trainLossNats"));
  const valid = thin(pointsOf(metrics, "validLossNats"));
  const smoothOver = Math.max(1, Math.round(raw.length * SMOOTH_FRACTION));
  const isSmooth = smoothOver > 1;
  const lastStep = lastStepOf(metrics);
  const lines = baseline === undefined ? [] : [baseline.loss];
  const chart = renderChart({
    label: `Training and validation against the training step: ${title}`,
    height: LOSS_HEIGHT,
    plot: (widthPixels) => ({
      ...axisStyle(widthPixels),
      x: stepAxis(lastStep, widthPixels),
      y: { label: title, grid: true, nice: true, labelArrow: "none" },
      marks: [
        Plot.ruleY(lines, { stroke: "var(--baseline)", strokeDasharray: "6 4", strokeWidth: 1.5 }),
        Plot.text(lines, {
          y: (value: number) => value,
          frameAnchor: "right",
          text: (value: number) => `${baseline?.name ?? ""} ${formatFixed(value, 3)}`,
          textAnchor: "end",
          dy: -8,
          fill: "var(--baseline)",
          stroke: "var(--page)",
          strokeWidth: 4,
        }),
        Plot.line(raw, {
          x: "x",
          y: "y",
          stroke: "var(--train)",
          strokeOpacity: isSmooth ? 0.3 : 1,
          strokeWidth: isSmooth ? 1 : 2,
        }),
        isSmooth
          ? Plot.lineY(
              raw,
              Plot.windowY(
                { k: smoothOver, anchor: "middle" },
                { x: "x", y: "y", stroke: "var(--train)", strokeWidth: 2 },
              ),
            )
          : undefined,
        Plot.line(valid, { x: "x", y: "y", stroke: "var(--valid)", strokeWidth: 2 }),
        valid.length <= 60 ? Plot.dot(valid, { x: "x", y: "y", r: 3, fill: "var(--valid)" }) : undefined,
      ],
    }),
  });
  const smoothed = isSmooth ? " (strong line: moving mean)" : "";
  return html`<ul class="legend">
      <li><span class="swatch train"></span> training${smoothed}</li>
      <li><span class="swatch valid"></span> validation</li>
      ${
        baseline === undefined
          ? undefined
          : html`<li><span class="swatch baseline"></span> ${baseline.name} baseline: ${baseline.meaning}</li>`
      }
    </ul>
    ${chart}`;
}

/** The learning rate against the step; nothing when none was recorded. */
export function renderLearningRateChart(metrics: readonly CurvePoint[]): Html | undefined {
  const rates = thin(pointsOf(metrics, "learningRate"));
  if (rates.length === 0) return undefined;
  const lastStep = lastStepOf(metrics);
  return renderChart({
    label: "Learning rate against the training step",
    height: LEARNING_RATE_HEIGHT,
    plot: (widthPixels) => ({
      ...axisStyle(widthPixels),
      x: stepAxis(lastStep, widthPixels),
      y: {
        label: "Learning rate",
        grid: true,
        zero: true,
        nice: true,
        ticks: 4,
        tickFormat: shortRate,
        labelArrow: "none",
      },
      marks: [Plot.line(rates, { x: "x", y: "y", stroke: "var(--rate)", strokeWidth: 2 })],
    }),
  });
}

/** At most `MAX_POINTS`, each the mean of a window of neighbours; fewer stay as they are. */
export function thin(points: readonly Point[], maxPoints: number = MAX_POINTS): readonly Point[] {
  if (points.length <= maxPoints) return points;
  return Array.from({ length: maxPoints }, (_, index) => {
    const window = points.slice(
      Math.floor((index * points.length) / maxPoints),
      Math.floor(((index + 1) * points.length) / maxPoints),
    );
    return { x: mean(window.map(({ x }) => x)), y: mean(window.map(({ y }) => y)) };
  });
}

/** What was measured; a loss that is not finite cannot be drawn and is left out. */
function pointsOf(metrics: readonly CurvePoint[], field: Exclude<keyof CurvePoint, "step">): readonly Point[] {
  return metrics.flatMap(({ step, [field]: value }) =>
    value !== undefined && Number.isFinite(value) ? [{ x: step, y: value }] : [],
  );
}

/** At least 1, so that a run without a step has an axis too. */
function lastStepOf(metrics: readonly CurvePoint[]): number {
  return metrics.reduce((last, { step }) => Math.max(last, step), 1);
}

function stepAxis(lastStep: number, widthPixels: number): Plot.ScaleOptions {
  return {
    label: "Training step",
    domain: [0, lastStep],
    ticks: widthPixels < NARROW_PIXELS ? 4 : 8,
    labelArrow: "none",
  };
}

function axisStyle(widthPixels: number): Plot.PlotOptions {
  return {
    marginLeft: 56,
    marginBottom: 44,
    marginRight: 16,
    marginTop: 28,
    style: { fontSize: widthPixels < NARROW_PIXELS ? "12px" : "13px", background: "transparent" },
  };
}

/** 0.0003 → "3e-4", 0 → "0". */
function shortRate(rate: number): string {
  return rate === 0 ? "0" : rate.toExponential().replace("e+", "e");
}
