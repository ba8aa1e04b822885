/** What `performer lab run compare` was asked for, checked. */

import { problem } from "performer-ts/graph";
import { ConfigError } from "performer-ts/model";
import type { GivenOptions } from "performer-ts/lab";
import { parseMechanism, splitMechanisms, type MechanismChoice } from "performer-ts/attention";
import type { Objective } from "../training-runs/subject.ts";

/** A mechanism as it was written and as configurations take it. */
export interface Contender {
  readonly label: string;
  readonly mechanism: MechanismChoice;
}

export interface CompareSettings {
  readonly data: string;
  readonly objective: Objective;
  readonly contenders: readonly Contender[];
  readonly seeds: readonly number[];
  /** Steps of every run, or how long all runs together may take. */
  readonly effort: { readonly steps: number } | { readonly budgetSeconds: number };
  readonly length?: number;
  readonly model: Readonly<Record<string, number>>;
  readonly tokensPerBatch?: number;
  readonly learningRate: number;
}

/** Without --budget and --steps. */
const USUAL_BUDGET = "10m";
const SECONDS = { s: 1, m: 60, h: 3600 } as const;
/** Whole numbers that the model takes under other names. */
const MODEL_OPTIONS = {
  layers: "numLayers",
  dim: "modelDim",
  heads: "numHeads",
  features: "numFeatures",
} as const;

/** @throws ConfigError naming the option, the rule, what came, and the way out */
export function compareSettings(given: GivenOptions): CompareSettings {
  const { data = "proteins", objective = "causal", mechanisms = "exact,favor,favor-relu" } = given;
  if (given["steps"] !== undefined && given["budget"] !== undefined) {
    throw new ConfigError(problem`compare: --steps and --budget must not both be given; the budget chooses the steps`);
  }
  const steps = wholeNumber(given, "steps");
  const model = Object.entries(MODEL_OPTIONS).flatMap(([option, name]) => {
    const value = wholeNumber(given, option);
    return value === undefined ? [] : [[name, value] as const];
  });
  const length = wholeNumber(given, "length");
  const tokensPerBatch = wholeNumber(given, "batch");
  return {
    data: String(data),
    objective: objective === "masked" ? "masked" : "causal",
    contenders: parseContenders(String(mechanisms)),
    seeds: Array.from({ length: wholeNumber(given, "seeds") ?? 1 }, (_, index) => index + 1),
    effort: steps === undefined ? { budgetSeconds: parseDuration(given["budget"] ?? USUAL_BUDGET) } : { steps },
    ...(length !== undefined && { length }),
    model: Object.fromEntries(model),
    ...(tokensPerBatch !== undefined && { tokensPerBatch }),
    learningRate: positiveNumber(given, "rate") ?? 1e-3,
  };
}

/**
 * `exact,local(window=64),favor`: names, with options in brackets.
 *
 * @throws ConfigError for brackets that do not match, and for a name twice
 */
export function parseContenders(text: string): readonly Contender[] {
  const labels = splitMechanisms(text);
  const repeated = labels.find((label, index) => labels.indexOf(label) !== index);
  if (labels.length === 0 || repeated !== undefined) {
    throw new ConfigError(
      problem`compare: --mechanisms must be one or more names, each once, got '${text}'; write for example exact,favor`,
    );
  }
  return labels.map((label) => ({ label, mechanism: parseMechanism("compare", label) }));
}

/** @returns seconds */
function parseDuration(text: string | true): number {
  const parts = /^(\d+(?:\.\d+)?)([smh])$/.exec(String(text));
  const seconds = parts === null ? 0 : Number(parts[1]) * SECONDS[parts[2] as keyof typeof SECONDS]; // one of [smh]
  if (seconds > 0) return seconds;
  throw new ConfigError(
    problem`compare: --budget must be a time such as 90s, 10m or 2h, got '${String(text)}'; give one`,
  );
}

export function wholeNumber(given: GivenOptions, option: string): number | undefined {
  const value = positiveNumber(given, option);
  if (value === undefined || Number.isSafeInteger(value)) return value;
  throw new ConfigError(problem`--${option} must be a whole number from 1 on, got '${value}'; leave it out`);
}

function positiveNumber(given: GivenOptions, option: string): number | undefined {
  const text = given[option];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text !== true && Number.isFinite(value) && value > 0) return value;
  throw new ConfigError(
    problem`--${option} must be a number above 0, got '${String(text)}'; leave it out for its default`,
  );
}
