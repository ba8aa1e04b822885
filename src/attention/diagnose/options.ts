/** The options of a diagnosis, with the reason beside each default, and what is refused. */
import { createBackend } from "#engine";
import { GraphError, problem } from "../../graph/errors.ts";
import { nearestName } from "../../graph/nearest-name.ts";
import type { RowLengths } from "../../random/index.ts";
import type { Backend } from "../../runtime/backend.ts";
import type { ProjectionChoice } from "../mechanism.ts";
import { projectionNames } from "../favor/projections.ts";
import type { MechanismChoice } from "../choice.ts";
import type { MechanismName } from "../mechanisms.ts";
import { refuseUnknownOptions, requirePositiveInteger } from "../../graph/arguments.ts";
import { findMechanism } from "../find-mechanism.ts";

type ProjectionKindName = NonNullable<ProjectionChoice["kind"]>;

/** A feature map, by its mechanism, and a projection to measure beside the present ones. */
export interface DiagnosisCandidate {
  readonly mechanism: MechanismName;
  /** Default: what the map is meant for. */
  readonly projection?: ProjectionKindName;
}

export interface DiagnoseOptions {
  /** Must divide the width. Default 1. */
  readonly numHeads?: number;
  /** Position i sees positions ≤ i. Default false. */
  readonly causal?: boolean;
  /** The mechanism to diagnose, which must have a feature map. Default `favor`. */
  readonly mechanism?: MechanismChoice;
  /** Rows of the projection, as `favorAttention` counts them. Default round(headDim · ln headDim). */
  readonly numFeatures?: number;
  /** Default: what the map is meant for, orthogonal rows for most. */
  readonly projection?: ProjectionKindName;
  /** Default: what the map is meant for, `chi` for most. */
  readonly projectionLengths?: RowLengths;
  /** Relative error of the attention output that one can live with. Default 0.1: below what dropout does to it. */
  readonly wantedError?: number;
  /**
   * Feature counts above this are no answer. Default 65,536: with more features than positions exact attention is
   * cheaper.
   */
  readonly maxFeatures?: number;
  /**
   * Other maps and projections to measure. Default: those that estimate softmax and fit (causal: no sequence
   * statistics).
   */
  readonly candidates?: readonly DiagnosisCandidate[];
  /** Decides positions, projections, and values where none are given. Default 0. */
  readonly seed?: number;
  /**
   * Longer sequences are thinned to so many positions, drawn at random. Default 512: exact attention is quadratic in
   * it.
   */
  readonly samples?: number;
  /**
   * Independently drawn projections a measurement at least. Default 8; up to 4 times as many, until the standard error
   * is 5 % of the error.
   */
  readonly redraws?: number;
  /** Needed for flat arrays only. */
  readonly headDim?: number;
  /** Default: the platform's own. */
  readonly backend?: Backend;
}

/** The options with every default but that of numFeatures, which depends on the arrays. */
export type DiagnosisSettings = Required<Omit<DiagnoseOptions, Unset | "mechanism">> &
  Pick<DiagnoseOptions, Unset> & { readonly mechanism: MechanismName };

type Unset = "numFeatures" | "projection" | "projectionLengths" | "candidates" | "headDim";

const optionNames = {
  numHeads: true,
  causal: true,
  mechanism: true,
  numFeatures: true,
  projection: true,
  projectionLengths: true,
  wantedError: true,
  maxFeatures: true,
  candidates: true,
  seed: true,
  samples: true,
  redraws: true,
  headDim: true,
  backend: true,
} as const satisfies Record<keyof DiagnoseOptions, true>;

const MAX_FEATURES = 65_536;

/** @throws GraphError naming the option, the rule, what came, and the way out */
export function diagnosisSettings(options: DiagnoseOptions): DiagnosisSettings {
  refuseUnknownOptions("diagnose", options, Object.keys(optionNames), GraphError);
  const settings = {
    numHeads: 1,
    causal: false,
    wantedError: 0.1,
    maxFeatures: MAX_FEATURES,
    seed: 0,
    samples: 512,
    redraws: 8,
    ...options,
    mechanism: nameOf(options.mechanism ?? "favor"),
    backend: options.backend ?? createBackend(),
  } as const;
  for (const name of ["numHeads", "maxFeatures", "samples", "redraws", "numFeatures"] as const) {
    const value = settings[name];
    if (value !== undefined) requirePositiveInteger("diagnose", name, value, "omit it for the default", GraphError);
  }
  if (!(settings.wantedError > 0) || !Number.isFinite(settings.wantedError)) {
    throw new GraphError(
      problem`diagnose: wantedError must be a number above 0, got ${settings.wantedError}; 0.1 is ten per cent of the
      output's norm`,
    );
  }
  if (settings.redraws < 2) {
    throw new GraphError(problem`diagnose: redraws must be 2 or more, got 1; one draw says nothing about a variance`);
  }
  checkMeasurable(settings, settings.causal);
  for (const candidate of settings.candidates ?? []) checkMeasurable(candidate, settings.causal);
  return settings;
}

/** The table's name of a choice: mechanisms with a feature map have no options, so the name says everything. */
function nameOf(choice: MechanismChoice): MechanismName {
  const found = findMechanism("diagnose", choice);
  if (typeof choice === "string") return choice;
  if ("name" in choice && found.map !== undefined) return choice.name;
  throw new GraphError(
    problem`diagnose: the mechanism must have a feature map, got '${found.name}'; name the one that is to take its place,
    such as 'favor'`,
  );
}

/** Only what draws features can be measured, and only what is causal in a causal diagnosis. */
function checkMeasurable({ mechanism: name, projection }: DiagnosisCandidate, causal: boolean): void {
  const mechanism = findMechanism("diagnose", name);
  if (mechanism.map === undefined) {
    throw new GraphError(
      problem`diagnose: the mechanism must have a feature map, got '${name}'; name the one that is to take its place,
      such as 'favor'`,
    );
  }
  if (causal && mechanism.statistics !== undefined) {
    throw new GraphError(
      problem`diagnose: a causal mechanism must not need statistics of the whole sequence, got '${name}'; use 'favor' or
      'favor-hyperbolic'`,
    );
  }
  if (projection !== undefined && !projectionNames.some((known) => known === projection)) {
    const near = nearestName(projection, projectionNames);
    const fix = near === undefined ? "omit it for the map's own" : `did you mean '${near}'?`;
    throw new GraphError(
      problem`diagnose: projection must be among ${projectionNames.join(", ")}, got '${String(projection)}'; ${fix}`,
    );
  }
}
