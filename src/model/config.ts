/** The configuration of a model: sizes and kinds, with the reason beside each default. */
import { z } from "zod";
import {
  defaultNumFeatures,
  LARGEST_ARRAY_BYTES,
  projectionNames,
  type ProjectionChoice,
} from "../attention/favor/projections.ts";
import type { AttentionMechanism } from "../attention/mechanism.ts";
import { mechanisms, type MechanismName } from "../attention/mechanisms.ts";
import { ConfigError, parseOptions } from "../attention/parse-options.ts";

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
  /** How random features are drawn. Default: what the mechanism is meant for, orthogonal rows for most; `none`: no projection. */
  projection: z.enum(projectionNames).optional(),
  /** Lengths of the projection's rows. Default: what the mechanism is meant for, `chi` (as Gaussian vectors) for most. */
  projectionLengths: z.enum(["chi", "sqrt"]).optional(),
  /** A projection of its own for every head. Default false: one for all heads of a layer, as published, and faster. */
  projectionPerHead: z.boolean().default(false),
  /**
   * Blocks over two halves of the stream, whose inputs follow from their outputs (RevNet, Reformer): with the training option
   * `checkpointing: "blocks"` no activations are kept, however many layers there are. Default false: a single stream. The weights
   * have the same shapes in both, but mean different models.
   */
  reversible: z.boolean().default(false),
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
  const mechanism: AttentionMechanism = mechanisms[parsed.mechanism];
  if (mechanism.statistics !== undefined) {
    throw new ConfigError(
      `model: mechanism must be causal, got '${parsed.mechanism}', which needs statistics of the whole sequence; ` +
        "use 'favor', or call the mechanism itself with frozen statistics",
    );
  }
  const headDim = modelDim / numHeads;
  if (positions === "rotary" && headDim % 2 !== 0) {
    throw new ConfigError(
      `model: rotary positions must have an even headDim (modelDim / numHeads), got ${headDim}; change numHeads or use positions 'learned'`,
    );
  }
  const numFeatures = parsed.projection === "none" ? headDim : (parsed.numFeatures ?? defaultNumFeatures(headDim));
  const most = Math.floor(LARGEST_ARRAY_BYTES / 4 / (headDim * numHeads));
  if (numFeatures > most) {
    throw new ConfigError(
      `model: numFeatures must be at most ${most}, or the projections do not fit an array, got ${numFeatures}; leave it out for its default`,
    );
  }
  return { ...parsed, mlpDim: parsed.mlpDim ?? 4 * modelDim, numFeatures };
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
