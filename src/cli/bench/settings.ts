// What `performer bench attention` was asked to measure, checked.

import { availableParallelism } from "node:os";

import { nearestName } from "../../graph/nearest-name.ts";
import { UsageError } from "../failures.ts";
import { benchMechanisms } from "./attention.ts";
import type { AttentionBenchSettings, BenchMechanism } from "./attention.ts";
import { passes } from "./products.ts";
import type { Pass } from "./products.ts";

/** The options as commander hands them over: numbers are checked, lists are still text. */
export interface AttentionBenchOptions {
  readonly lengths: string;
  readonly mechanisms: string;
  readonly rounds: number;
  readonly pass: Pass | "both";
  readonly direction: "causal" | "bidirectional" | "both";
  readonly heads: number;
  readonly headDim: number;
  readonly features: number;
  readonly threads?: number;
  readonly exact: boolean;
}

/** @throws UsageError for a list with something in it that cannot be measured */
export function attentionBenchSettings(options: AttentionBenchOptions): AttentionBenchSettings {
  const { pass, direction } = options;
  return {
    lengths: parseLengths(options.lengths),
    mechanisms: parseMechanisms(options.mechanisms),
    passes: pass === "both" ? passes : [pass],
    directions: direction === "both" ? ["causal", "bidirectional"] : [direction],
    rounds: options.rounds,
    numHeads: options.heads,
    headDim: options.headDim,
    numFeatures: options.features,
    threads: options.threads ?? availableParallelism(),
    exact: options.exact,
  };
}

function parseLengths(text: string): readonly number[] {
  return listed(text).map((item) => {
    const length = /^\d+$/.test(item) ? Number(item) : Number.NaN;
    if (Number.isSafeInteger(length) && length >= 1) return length;
    throw new UsageError(
      `--lengths must be whole numbers from 1 on, with commas between them, got '${text}'; write for example --lengths 4096,16384`,
    );
  });
}

function parseMechanisms(text: string): readonly BenchMechanism[] {
  if (listed(text).includes("all")) return benchMechanisms;
  return listed(text).map((item) => {
    const mechanism = benchMechanisms.find((each) => each === item);
    if (mechanism !== undefined) return mechanism;
    const near = nearestName(item, benchMechanisms);
    const fix =
      item === "exact"
        ? "exact attention is measured beside them unless --no-exact is given: leave it out"
        : near === undefined
          ? "leave the option out to measure favor"
          : `did you mean '${near}'?`;
    throw new UsageError(`--mechanisms must be 'all' or among ${benchMechanisms.join(", ")}, got '${item}'; ${fix}`);
  });
}

/** Each thing once, in the order given. */
function listed(text: string): readonly string[] {
  return [...new Set(text.split(",").map((item) => item.trim()))];
}
