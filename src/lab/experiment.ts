/**
 * An experiment: a measurement with options, made for the user's own data and question, where a claim has one setting
 * and one answer.
 */

import { checkLabName, type ClaimProgress } from "./claim.ts";
import type { Figure } from "./figure.ts";
import type { JsonRecord } from "./json.ts";

/** An option of the command line. */
export interface ExperimentOption {
  /** The flags in commander's notation: `--data <name>`; without `<…>` the option is a switch. */
  readonly flags: string;
  readonly description: string;
  readonly default?: string;
  /** The only values there are. */
  readonly choices?: readonly string[];
}

/** Options as they came, by their names in camelCase; switches are true. */
export type GivenOptions = Readonly<Record<string, string | true | undefined>>;

export interface ExperimentRun {
  /** Minutes instead of hours: smaller models, fewer steps, the same names in what comes out. */
  readonly quick: boolean;
  readonly onProgress: ClaimProgress;
  /** A line for people while the work goes on. */
  readonly onNote: (text: string) => void;
}

/** What came out, as a table for people. */
export interface ResultTable {
  readonly header: readonly string[];
  /** The rows, each with as many cells as the header. */
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface ExperimentOutcome {
  /** Everything that was chosen: sizes, counts, seeds. */
  readonly setting: JsonRecord;
  /** What came out. Every number finite: what cannot be measured is null, or left out. */
  readonly measured: JsonRecord;
  readonly table: ResultTable;
  readonly figure: Figure;
}

export interface Experiment {
  /** Its name on the command line and its folder in lab/. */
  readonly experiment: string;
  /** What it does, as one sentence. */
  readonly title: string;
  /** Command lines behind `performer lab run`, each with what it does. */
  readonly examples: readonly (readonly [commandLine: string, effect: string])[];
  readonly options: readonly ExperimentOption[];
  /** @throws ConfigError for options that cannot be carried out */
  readonly run: (options: GivenOptions, run: ExperimentRun) => Promise<ExperimentOutcome>;
}

/**
 * An experiment whose name can be a folder and an argument.
 *
 * @returns the same object
 * @throws RangeError when the name has another form or is taken
 */
export function defineExperiment(experiment: Experiment): Experiment {
  checkLabName("defineExperiment", "an experiment", experiment.experiment);
  return experiment;
}
