/** The configuration of a model: sizes and kinds, with the reason beside each default. */
import { z } from "zod";
import { defaultNumFeatures } from "../attention/favor/favor.ts";
import { mechanisms, type MechanismName } from "../attention/mechanisms.ts";
import { ConfigError, parseOptions } from "./parse-options.ts";

const mechanismNames = Object.keys(mechanisms) as [MechanismName, ...MechanismName[]]; // the table is not empty
const size = z.int().positive();

const schema = z.strictObject({
  /** Tokens of the vocabulary. */
  vocabSize: size,
  /** Width of the residual stream. Default 256: trains on a laptop. */
  modelDim: size.default(256),
  /** Blocks. Default 4. */
  numLayers: size.default(4),
  /** Attention heads; must divide modelDim. Default 4: heads of 64, the usual width. */
  numHeads: size.default(4),
  /** Width of the feed-forward layer. Default 4 · modelDim, as in the Transformer. */
  mlpDim: size.optional(),
  /** Longest sequence of a training batch; longer ones are cut into windows. Default 1024, as in the paper's protein runs. */
  maxSeqLen: size.default(1024),
  /** Position encoding. Default `rotary`: relative, no weights, and works beyond maxSeqLen. */
  positions: z.enum(["rotary", "learned"]).default("rotary"),
  /** Attention mechanism. Default `favor`: FAVOR+ with positive orthogonal features. */
  mechanism: z.enum(mechanismNames).default("favor"),
  /** Random features a head. Default round(headDim · ln headDim), the theory's Θ(d log d). */
  numFeatures: size.optional(),
  /** Share of activations dropped in training. Default 0.1, as in the paper's protein runs. */
  dropout: z.number().min(0).lt(1).default(0.1),
  /** Use the embedding matrix as output layer. Default true: fewer weights, and better on small data. */
  tieEmbeddings: z.boolean().default(true),
  /** Default 1e-5, as in GPT-2. */
  layerNormEpsilon: z.number().positive().default(1e-5),
});

/** What a user gives: `vocabSize`, and whatever differs from the defaults. */
export type ModelOptions = z.input<typeof schema>;

/** A complete, checked configuration. */
export type ModelConfig = Readonly<
  Omit<z.output<typeof schema>, "mlpDim" | "numFeatures"> & { mlpDim: number; numFeatures: number }
>;

/** Names of all keys. */
export const modelConfigKeys: readonly string[] = Object.keys(schema.shape);

/**
 * Fills in defaults and checks that the sizes fit together.
 *
 * @throws ConfigError naming the key, the rule, what came, and the way out
 */
export function modelConfig(options: ModelOptions): ModelConfig {
  const parsed = parseOptions("model", schema, options);
  const { modelDim, numHeads, positions } = parsed;
  if (modelDim % numHeads !== 0) {
    const near = nearestDivisor(modelDim, numHeads);
    throw new ConfigError(
      `model: numHeads must divide modelDim ${modelDim}, got ${numHeads}; use ${near}, or a modelDim that is a multiple of it`,
    );
  }
  const headDim = modelDim / numHeads;
  if (positions === "rotary" && headDim % 2 !== 0) {
    throw new ConfigError(
      `model: rotary positions must have an even headDim (modelDim / numHeads), got ${headDim}; change numHeads or use positions 'learned'`,
    );
  }
  return {
    ...parsed,
    mlpDim: parsed.mlpDim ?? 4 * modelDim,
    numFeatures: parsed.numFeatures ?? defaultNumFeatures(headDim),
  };
}

function nearestDivisor(of: number, wanted: number): number {
  const divisors = Array.from({ length: of }, (_, index) => index + 1).filter((each) => of % each === 0);
  return divisors.reduce((best, each) => (Math.abs(each - wanted) < Math.abs(best - wanted) ? each : best), 1);
}
