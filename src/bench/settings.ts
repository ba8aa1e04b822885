// What `performer bench attention` was asked to measure, checked.

import { nearestName } from "../graph/nearest-name.ts";
import { UsageError } from "../runs/usage.ts";
import type { AttentionBenchSettings } from "./attention.ts";
import { benchMechanisms } from "./favor.ts";
import type { BenchMechanism } from "./favor.ts";
import { LINEAR_ATTENTION_OP } from "./linear-attention-op.ts";
import { chosenCases, chosenSizes, listed, parseLengths, parseThreads } from "../cli/bench/options.ts";
import type { CaseOptions, SizeOptions } from "../cli/bench/options.ts";
import { peerNames } from "./peers/index.ts";

/** Names that --peers takes beside all and none. */
const engineOpName = "engine";
export const peerChoices = [engineOpName, ...peerNames] as const;

/** The options as commander hands them over: numbers are checked, lists are still text. */
export interface AttentionBenchOptions extends CaseOptions, SizeOptions {
  readonly lengths: string;
  readonly mechanisms: string;
  readonly rounds: number;
  readonly threads?: number;
  readonly exact: boolean;
  readonly peers: string;
  readonly python: string;
}

/** @throws UsageError for a list with something in it that cannot be measured */
export function attentionBenchSettings(options: AttentionBenchOptions): AttentionBenchSettings {
  const chosen = parsePeers(options.peers);
  return {
    lengths: parseLengths(options.lengths),
    mechanisms: parseMechanisms(options.mechanisms),
    ...chosenCases(options),
    ...chosenSizes(options),
    rounds: options.rounds,
    threads: parseThreads(options.threads),
    exact: options.exact,
    engineOp: chosen.includes(engineOpName),
    peers: peerNames.filter((name) => chosen.includes(name)),
    python: options.python,
  };
}

export function parseMechanisms(text: string): readonly BenchMechanism[] {
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

function parsePeers(text: string): readonly string[] {
  const names = listed(text);
  // Threads of wasm disturb what runs beside them, so it is measured only where it is named.
  if (names.includes("all")) return [...peerChoices.filter((name) => name !== "wasm"), ...names];
  if (names.length === 1 && names[0] === "none") return [];
  const unknown = names.find((name) => !(peerChoices as readonly string[]).includes(name));
  if (unknown === undefined) return names;
  const near = nearestName(unknown, [...peerChoices, "all", "none"]);
  const fix = near === undefined ? "leave the option out for all that are installed" : `did you mean '${near}'?`;
  throw new UsageError(
    `--peers must be 'all', 'none' or among ${peerChoices.join(", ")} (${engineOpName}: the ${LINEAR_ATTENTION_OP}), got '${unknown}'; ${fix}`,
  );
}
