/** A trained body with a new output layer: where fine-tuning begins. */
import { ConfigError, problem } from "../graph/errors.ts";
import type { NdArray } from "../graph/ndarray.ts";
import { formatShape, sameShape } from "../graph/shape.ts";
import { modelConfig, type ModelConfig, type ModelOptions } from "./config.ts";
import { initialParameters, type Named } from "./parameters.ts";
import { tensorShapes } from "./tensors.ts";

/** The settings that may differ from the model whose body is reused: none that decide weights of the body. */
export type FreshHeadOptions = Pick<
  ModelOptions,
  "numLabels" | "pooling" | "labelMean" | "labelDeviation" | "dropout"
> & {
  /** The head of a new output layer. Default: the saved one. */
  readonly head: Exclude<ModelConfig["head"], "language-modeling" | "pointer" | "none">;
};

export interface HeadedModel {
  readonly config: ModelConfig;
  /** Weights and projections; those of the body are the arrays that were given. */
  readonly tensors: Record<string, NdArray>;
  /** Names of the weights that were drawn anew. */
  readonly fresh: readonly string[];
  /** Names of the weights that were left behind. */
  readonly dropped: readonly string[];
}

const NEW = "classifier.";

/**
 * A model of one stack with the body of another and a head of its own. A decoder stays one: its tokens go on seeing
 * what comes before them alone, as they have learnt to, and the head reads the mean over all of them, or with `pooling:
 * "last"` the last.
 *
 * @param tensors weights and projections of `config`
 * @param seed decides the weights of the head
 * @throws ConfigError for encoder–decoders, and for options that do not go together
 */
export function withFreshHead(
  config: ModelConfig,
  tensors: Named<NdArray>,
  { head, ...options }: FreshHeadOptions,
  seed: number,
): HeadedModel {
  if (config.architecture === "encoder-decoder") {
    throw new ConfigError(
      problem`model: a new head must come with one stack of blocks, got architecture 'encoder-decoder'; take the body of
      a decoder or an encoder`,
    );
  }
  // What belongs to the head that is left behind goes with it.
  const { numLabels: _labels, labelMean: _mean, labelDeviation: _deviation, ...kept } = config;
  const body = { ...kept, headTransform: false, headBias: false };
  const headed = modelConfig({ ...body, head, ...options });
  const drawn = initialParameters(headed, seed);
  const fresh: string[] = [];
  const all = Object.entries(tensorShapes(headed)).map(([name, shape]) => {
    const isNew = name.startsWith(NEW);
    if (isNew) fresh.push(name);
    const tensor = isNew ? drawn[name] : tensors[name];
    if (tensor !== undefined && sameShape(tensor.shape, shape)) return [name, tensor] as const;
    const got = tensor === undefined ? "nothing" : formatShape(tensor.shape);
    throw new ConfigError(
      problem`model: tensor '${name}' of the body must be ${formatShape(shape)}, got ${got}; take weights with their own
      configuration`,
    );
  });
  const names = new Set(all.map(([name]) => name));
  const dropped = Object.keys(tensors).filter((name) => !names.has(name) || name.startsWith(NEW));
  return { config: headed, tensors: Object.fromEntries(all), fresh, dropped };
}
