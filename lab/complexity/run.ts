/** Experiment: how the time of every mechanism grows with the length, beside what its paper says. */

import { problem } from "performer-ts/graph";
import { mechanisms } from "performer-ts/attention";
import { defineExperiment, roundTo, slope, type ExperimentRun, type GivenOptions } from "performer-ts/lab";
import { ConfigError } from "performer-ts/model";
import { named } from "../compare/named.ts";
import { parseContenders, wholeNumber } from "../compare/options.ts";
import { drawTimes } from "./figure.ts";
import { measureInTurn } from "./measure.ts";
import type { Series } from "./result.ts";
import { isLinear, subjectsOf, type Subject } from "./subjects.ts";

const SIZES = { numHeads: 4, headDim: 64, numFeatures: 128 } as const;
const LENGTHS = { full: "2048,4096,8192,16384", quick: "512,1024,2048" } as const;
const ROUNDS = { full: 7, quick: 3 } as const;
/** Two lengths always lie on a line. */
const FEWEST_LENGTHS = 3;
/**
 * FAVOR+ comes in many feature maps, which differ in nothing that depends on the length: one speaks for all. `auto` is
 * two others.
 */
const LEFT_OUT = /^(favor-.*|auto)$/;

export const complexity = defineExperiment({
  experiment: "complexity",
  title:
    "Measures how the time of every mechanism grows with the length: the exponent, beside the order that its paper states.",
  examples: [
    ["complexity", "every mechanism in either direction that it has: minutes"],
    ['complexity --mechanisms "favor,local(window=64),exact"', "three of them"],
    ["complexity --lengths 4096,8192,16384,32768 --json", "longer sequences, the figures as JSON"],
  ],
  options: [
    {
      flags: "--mechanisms <list>",
      description: "names of the table of mechanisms, with options in brackets: local(window=64) (default: all)",
    },
    {
      flags: "--lengths <list>",
      description: `tokens (default: ${LENGTHS.full}; those of O(L²) at a quarter of them)`,
    },
    { flags: "--rounds <count>", description: `how often every length is run in turn (default: ${ROUNDS.full})` },
  ],
  run: measureComplexity,
});

async function measureComplexity(given: GivenOptions, { quick, onProgress }: ExperimentRun) {
  const lengths = parseLengths(String(given["lengths"] ?? (quick ? LENGTHS.quick : LENGTHS.full)));
  const rounds = wholeNumber(given, "rounds") ?? (quick ? ROUNDS.quick : ROUNDS.full);
  const all = Object.keys(mechanisms).filter((name) => !LEFT_OUT.test(name));
  const contenders = parseContenders(String(given["mechanisms"] ?? all.join(",")));
  const chosen = contenders.flatMap((contender) => named(contender.label, () => subjectsOf(contender, lengths, SIZES)));
  const total = chosen.flat().length * (rounds + 1);
  let done = 0;
  const series: Series[] = [];
  // A mechanism's lengths in turn: what slows the machine for a while slows all of them.
  for (const subjects of chosen) {
    const times = await measureInTurn(subjects, SIZES, rounds, (what) => onProgress(++done, total, what));
    series.push(seriesOf(subjects, times));
  }
  const linear = series.filter((each) => isLinear(each.complexity)).map(({ exponent }) => exponent);
  return {
    setting: { ...SIZES, batch: 1, pass: "forward", lengths: [...lengths], rounds },
    measured: {
      series: series.map(({ name, causal, complexity: stated, exponent, lengths: own, medianMs }) => ({
        mechanism: name,
        direction: directionOf(causal),
        stated,
        exponent: roundTo(exponent, 3),
        lengths: [...own],
        medianMs: medianMs.map((ms) => roundTo(ms, 3)),
      })),
      largestLinearExponent: linear.length === 0 ? null : roundTo(Math.max(...linear), 3),
    },
    table: {
      header: ["mechanism", "direction", "stated", "time grows as", "tokens", "ms"],
      rows: series.map(({ name, causal, complexity: stated, exponent, lengths: own, medianMs }) => [
        name,
        directionOf(causal),
        stated,
        `L^${exponent.toFixed(2)}`,
        own.join(", "),
        medianMs.map((ms) => ms.toFixed(1)).join(", "),
      ]),
    },
    figure: drawTimes(series),
  };
}

function directionOf(causal: boolean): string {
  return causal ? "causal" : "bidirectional";
}

function parseLengths(text: string): readonly number[] {
  const lengths = text.split(",").map(Number);
  const areLengths = lengths.every((length) => Number.isSafeInteger(length) && length >= 8);
  if (areLengths && new Set(lengths).size >= FEWEST_LENGTHS) return lengths.toSorted((a, b) => a - b);
  throw new ConfigError(
    problem`complexity: --lengths must be ${FEWEST_LENGTHS} or more different whole numbers from 8 on, got '${text}';
    write ${LENGTHS.full}`,
  );
}

function seriesOf(subjects: readonly Subject[], medianMs: readonly number[]): Series {
  const [first] = subjects;
  const lengths = subjects.map(({ seqLen }) => seqLen);
  return {
    name: first?.name ?? "",
    causal: first?.causal ?? false,
    complexity: first?.mechanism.complexity ?? "O(L)",
    lengths,
    medianMs,
    exponent: slope(lengths.map(Math.log), medianMs.map(Math.log)),
  };
}
