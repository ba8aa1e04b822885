/** The configuration of a model: defaults that follow from other options, and the check that sizes fit together. */
import type { ProjectionChoice } from "../attention/mechanism.ts";
import { defaultNumFeatures, LARGEST_ARRAY_BYTES } from "../attention/favor/projections.ts";
import { ConfigError, problem } from "../graph/errors.ts";
import { parseOptions } from "../graph/parse-options.ts";
import { checkMechanisms, checkOptions } from "./config-rules.ts";
import { isGated, modelSchema, type ModelConfig, type ModelOptions, type ParsedOptions } from "./config-schema.ts";
import { mostPlaces, tokensOfImage } from "./patches.ts";

export type { MechanismChoices, ModelConfig, ModelOptions } from "./config-schema.ts";

/** Names of all keys. */
export const modelConfigKeys: readonly string[] = Object.keys(modelSchema.shape);

/**
 * Fills in defaults and checks that the options fit together.
 *
 * @throws ConfigError naming the key, the rule, what came, and the way out
 */
export function modelConfig(options: ModelOptions): ModelConfig {
  const given = parseOptions("model", modelSchema, options);
  checkOptions(given);
  const parsed = ofImages(given, options);
  const { modelDim, numHeads, positions } = parsed;
  const headDim = headDimOf(parsed);
  if (positions === "rotary" && headDim % 2 !== 0) {
    throw new ConfigError(
      problem`model: rotary positions must have an even headDim (modelDim / numHeads), got ${headDim}; change numHeads
      or use positions 'learned'`,
    );
  }
  const numFeatures = parsed.projection === "none" ? headDim : (parsed.numFeatures ?? defaultNumFeatures(headDim));
  const most = Math.floor(LARGEST_ARRAY_BYTES / 4 / (headDim * numHeads));
  if (numFeatures > most) {
    throw new ConfigError(
      problem`model: numFeatures must be at most ${most}, or the projections do not fit an array, got ${numFeatures};
      leave it out for its default`,
    );
  }
  const config = {
    ...parsed,
    headDim,
    mlpDim: parsed.mlpDim ?? Math.round((isGated(parsed.activation) ? 8 / 3 : 4) * modelDim),
    numFeatures,
    ...(parsed.head === "regression" && { numLabels: parsed.numLabels ?? 1 }),
    ...(positions === "axial" && { axialShape: parsed.axialShape ?? nearlySquare(mostPlaces(parsed)) }),
  };
  checkMechanisms(config);
  return inOrder(config);
}

/** The same with its keys in the schema's order, so that a configuration is saved as it was loaded. */
function inOrder(config: ModelConfig): ModelConfig {
  const entries: readonly (readonly [string, unknown])[] = Object.entries(config);
  const sorted = entries.toSorted(([a], [b]) => modelConfigKeys.indexOf(a) - modelConfigKeys.indexOf(b));
  return Object.fromEntries(sorted) as ModelConfig; // the same entries
}

function headDimOf({ headDim, modelDim, numHeads }: ParsedOptions): number {
  if (headDim !== undefined) return headDim;
  if (modelDim % numHeads === 0) return modelDim / numHeads;
  const near = nearestDivisor(modelDim, numHeads);
  throw new ConfigError(
    problem`model: numHeads must divide modelDim ${modelDim}, got ${numHeads}; use ${near}, or a modelDim that is a
    multiple of it`,
  );
}

/** With patches the longest sequence is that of an image. */
function ofImages(parsed: ParsedOptions, { maxSeqLen }: ModelOptions): ParsedOptions {
  const { patches } = parsed;
  if (patches === undefined) return parsed;
  const own = tokensOfImage(patches);
  if (maxSeqLen !== undefined && maxSeqLen !== own) {
    throw new ConfigError(
      problem`model: with patches maxSeqLen must be the ${own} tokens of an image, got ${maxSeqLen}; leave it out`,
    );
  }
  return { ...parsed, maxSeqLen: own };
}

/** Rows and columns. */
function nearlySquare(positions: number): [number, number] {
  const columns = Math.ceil(Math.sqrt(positions));
  return [Math.ceil(positions / columns), columns];
}

/** The projections of a model's mechanism, as it draws them. */
export function projectionChoice(config: ModelConfig): ProjectionChoice {
  const { projection, projectionLengths, projectionPerHead } = config;
  return {
    ...(projection && { kind: projection }),
    ...(projectionLengths && { rowLengths: projectionLengths }),
    perHead: projectionPerHead,
  };
}

function nearestDivisor(of: number, wanted: number): number {
  const divisors = Array.from({ length: of }, (_, index) => index + 1).filter((each) => of % each === 0);
  return divisors.reduce((best, each) => (Math.abs(each - wanted) < Math.abs(best - wanted) ? each : best), 1);
}
