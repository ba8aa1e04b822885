/** The options of a model: their types, defaults, and the reason for each default. */
import * as z from "zod";
import type { MechanismChoice } from "../attention/choice.ts";
import { projectionNames } from "../attention/favor/projections.ts";

const size = z.int().positive();

/** One mechanism, or one for each layer. */
export type MechanismChoices = MechanismChoice | readonly MechanismChoice[];

function isChoice(value: unknown): boolean {
  return typeof value === "string" || (typeof value === "object" && value !== null && !Array.isArray(value));
}

const mechanismChoices = z.custom<MechanismChoices>(
  (value) => (Array.isArray(value) ? value.length > 0 && value.every(isChoice) : isChoice(value)),
  "the name of a mechanism, an object with its name and options, or a list of these, one a layer",
);

/** Activations with a gate beside the hidden layer: hidden = activation(gate(x)) · up(x). */
const gatedActivations = ["glu", "geglu", "reglu", "swiglu"] as const;

export function isGated(activation: string): boolean {
  return gatedActivations.some((gated) => gated === activation);
}

/** Squares of an image as places of a sequence; the image's own shape among them, which every image must have. */
const patches = z.strictObject({
  /** Pixels of a square's side. */
  size,
  width: size,
  height: size,
  /** 1: grey, 3: red, green, blue. */
  channels: z.union([z.literal(1), z.literal(3)]).default(3),
  /**
   * What intensities from 0 to 1 are brought to: (intensity − mean) / deviation, of each channel. Default 0.5 and 0.5,
   * from −1 to 1, as in ViT.
   */
  mean: z.array(z.number()).readonly().optional(),
  deviation: z.array(z.number().positive()).readonly().optional(),
});

export const modelSchema = z.strictObject({
  /** Tokens of the vocabulary. */
  vocabSize: size,
  /**
   * `decoder`: every token sees those before it. `encoder`: every token sees all but padding. `encoder-decoder`: an
   * encoder of one sequence, and a decoder of another that attends to it. Default `decoder`.
   */
  architecture: z.enum(["decoder", "encoder", "encoder-decoder"]).default("decoder"),
  /**
   * What is predicted. `language-modeling`: a token at every position (the next one; in an encoder the masked one).
   * `sequence-classification`, `regression`: one of numLabels, or numLabels numbers, for the sequence of an encoder or
   * a decoder. `token-classification`: one of numLabels for every token of an encoder. `pointer`: a position of the
   * encoder's sequence for every token of an encoder–decoder. `none`: nothing, of a pretrained body whose head was left
   * behind; outputs are its states. Default `language-modeling`.
   */
  head: z
    .enum(["language-modeling", "sequence-classification", "regression", "token-classification", "pointer", "none"])
    .default("language-modeling"),
  /** Classes, or numbers of a regression, for which the default is 1. */
  numLabels: size.optional(),
  /** The token that encoders and cross-attention do not see. Default 0, as in the vocabularies of this package. */
  padId: z.int().min(0).default(0),
  /**
   * What the classes or numbers of a sequence are read from: the `mean` over its tokens; the `first` one, of an
   * encoder, which then is a token meant for it, as [CLS] in BERT; or the `last` one, which of a decoder is the one
   * that has seen all others, as in GPT. Default `mean`: needs no such token.
   */
  pooling: z.enum(["mean", "first", "last"]).default("mean"),
  /**
   * Numbers of a regression are predicted as labelMean + labelDeviation · output, so that a fresh head is right to
   * begin with about labels of any unit. Default 0 and 1; `performer finetune` sets the mean and the standard deviation
   * of the training labels.
   */
  labelMean: z.number().optional(),
  /** Numbers of a regression are predicted as labelMean + labelDeviation · output. Default 1. */
  labelDeviation: z.number().positive().optional(),
  /** Width of the residual stream. Default 256: trains on a laptop. */
  modelDim: size.default(256),
  /** Blocks; of an encoder–decoder those of the encoder. Default 4. */
  numLayers: size.default(4),
  /** Blocks of an encoder–decoder's decoder. Default numLayers. */
  numDecoderLayers: size.optional(),
  /** Attention heads. Default 4: heads of 64, the usual width. */
  numHeads: size.default(4),
  /** Width of a head's queries, keys and values. Default modelDim / numHeads, which then must be a whole number. */
  headDim: size.optional(),
  /**
   * Width of the feed-forward layer behind its activation; with a gate there are two linear layers of this width before
   * it. Default 4 · modelDim, as in the Transformer, and 8/3 · modelDim with a gate, which are as many weights
   * (arXiv:2002.05202).
   */
  mlpDim: size.optional(),
  /**
   * Longest sequence of a training batch; longer ones are cut into windows. Default 1024, as in the paper's protein
   * runs; with patches that of an image.
   */
  maxSeqLen: size.default(1024),
  /**
   * Position encoding. `rotary`: relative, no weights, and works beyond maxSeqLen (arXiv:2104.09864). `learned`: a
   * table of maxSeqLen positions. `sinusoidal`: the Transformer's, without weights. `axial`: the sum of a row's and a
   * column's vector, for sequences that are grids or too long for a table (arXiv:1912.12180). `none`: order is known by
   * attention that is causal or by tokenShift alone. Default `rotary`.
   */
  positions: z.enum(["rotary", "learned", "sinusoidal", "axial", "none"]).default("rotary"),
  /** Rows and columns of axial positions. Default: as good as square, for maxSeqLen positions. */
  axialShape: z.tuple([size, size]).optional(),
  /**
   * Half of what attention and feed-forward layers read comes from the token before (RWKV, arXiv:2305.13048). Default
   * false: as published for Performers.
   */
  tokenShift: z.boolean().default(false),
  /**
   * Attention mechanism: a name, a name with options, or one of these for each layer. Default `favor`: FAVOR+ with
   * positive orthogonal features.
   */
  mechanism: mechanismChoices.default("favor"),
  /** The decoder's self-attention in encoder–decoder models. Default: `mechanism`. */
  decoderMechanism: mechanismChoices.optional(),
  /** The cross-attention of encoder–decoder models. Default: `decoderMechanism`, layer by layer. */
  crossMechanism: mechanismChoices.optional(),
  /** Random features a head. Default round(headDim · ln headDim), the theory's Θ(d log d). */
  numFeatures: size.optional(),
  /**
   * How random features are drawn. Default: what the mechanism is meant for, orthogonal rows for most; `none`: no
   * projection.
   */
  projection: z.enum(projectionNames).optional(),
  /**
   * Lengths of the projection's rows. Default: what the mechanism is meant for, `chi` (as Gaussian vectors) for most.
   */
  projectionLengths: z.enum(["chi", "sqrt"]).optional(),
  /** A projection of its own for every head. Default false: one for all heads of a layer, as published, and faster. */
  projectionPerHead: z.boolean().default(false),
  /**
   * `layernorm`; `rmsnorm`: x / √(mean x²), scaled, cheaper (arXiv:1910.07467); `scalenorm`: one learned length for the
   * whole vector (arXiv:1910.05895). Default `layernorm`, as in the paper.
   */
  norm: z.enum(["layernorm", "rmsnorm", "scalenorm"]).default("layernorm"),
  /**
   * `pre`: x + f(norm(x)), which trains without care at any depth. `post`: norm(x + f(x)), as in the original
   * Transformer. `rezero`: x + α·f(x) without any norm, each α learned from 0 on (arXiv:2003.04887). Default `pre`.
   */
  normPlacement: z.enum(["pre", "post", "rezero"]).default("pre"),
  /**
   * A norm of the embeddings, positions included, in front of the first block, as in BERT (arXiv:1810.04805). Default
   * false: norms stand at the blocks.
   */
  embeddingNorm: z.boolean().default(false),
  /**
   * For an encoder that was trained with zero embeddings for masked tokens, as ESM-2: those of `maskId` are zero, all
   * others are scaled by (1 − share) / (1 − hidden), `share` being the part of tokens that training hid and `hidden`
   * that of the sequence at hand. Default: embeddings as they are.
   */
  tokenDropout: z.strictObject({ maskId: z.int().min(0), share: z.number().min(0).lt(1) }).optional(),
  /**
   * For an encoder of images (ViT, arXiv:2010.11929): positions are squares of pixels after a learned vector, that of
   * `<bos>`. Tokens are `<bos>` and the intensities of an image, as `imageVocabulary` numbers them. Default: every
   * token is a place.
   */
  patches: patches.optional(),
  /**
   * The feed-forward layer's activation. `gelu-tanh`: gelu approximated with tanh, as in GPT-2. `glu`, `geglu`, `reglu`
   * and `swiglu` have a gate of sigmoid, gelu, relu or swish (arXiv:2002.05202). Default `gelu`, exact.
   */
  activation: z.enum(["gelu", "gelu-tanh", "relu", ...gatedActivations]).default("gelu"),
  /**
   * Positions that the feed-forward layer works on at a time: its hidden layer then is never there as a whole, for a
   * little time (Reformer, arXiv:2001.04451). The numbers are the same. Default 0: all of them.
   */
  feedForwardChunkSize: z.int().min(0).default(0),
  /**
   * Blocks over two halves of the stream, whose inputs follow from their outputs (RevNet, Reformer): with the training
   * option `checkpointing: "blocks"` no activations are kept, however many layers there are. Default false: a single
   * stream. The weights have the same shapes in both, but mean different models.
   */
  reversible: z.boolean().default(false),
  /** Share of activations dropped in training. Default 0.1, as in the paper's protein runs. */
  dropout: z.number().min(0).lt(1).default(0.1),
  /**
   * Use the embedding matrix as output layer of a language model. Default true: fewer weights, and better on small
   * data.
   */
  tieEmbeddings: z.boolean().default(true),
  /**
   * A linear layer, gelu and a norm in front of a language model's output layer, as in BERT. Default false: the states
   * themselves, as in GPT-2.
   */
  headTransform: z.boolean().default(false),
  /** A number added to the logit of each token, as in BERT. Default false. */
  headBias: z.boolean().default(false),
  /** Added to the variance that norms divide by. Default 1e-5, as in GPT-2. */
  layerNormEpsilon: z.number().positive().default(1e-5),
});

/** Options of a model: `vocabSize`, and whatever differs from the defaults. */
export type ModelOptions = z.input<typeof modelSchema>;

export type ParsedOptions = z.output<typeof modelSchema>;

/** A complete, checked configuration. */
export type ModelConfig = Readonly<
  Omit<ParsedOptions, "headDim" | "mlpDim" | "numFeatures"> & {
    /** Width of a head. */
    headDim: number;
    /** Width of the feed-forward layer. */
    mlpDim: number;
    /** Random features a head. */
    numFeatures: number;
  }
>;
