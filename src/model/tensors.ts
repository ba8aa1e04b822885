/** Weights that come from outside: do they belong to this configuration? */
import { isRecord, requireArgument } from "../graph/arguments.ts";
import { formatShape, sameShape, type Shape } from "../graph/shape.ts";
import type { NdArray } from "../graph/ndarray.ts";
import type { ModelConfig } from "./config.ts";
import { parameterShapes, projectionShapes, type Named } from "./parameters.ts";
import { ConfigError, problem } from "../graph/errors.ts";

/** Names and shapes of everything that model.safetensors holds: weights and projections. */
export function tensorShapes(config: ModelConfig): Named<Shape> {
  const weights = Object.entries(parameterShapes(config)).map(([name, { shape }]) => [name, shape] as const);
  return { ...Object.fromEntries(weights), ...projectionShapes(config) };
}

/**
 * Checks that tensors are exactly those of a configuration.
 *
 * @param who where they come from, e.g. a file name
 * @throws ConfigError naming the first tensor that is missing, unknown, of another type or shape
 */
export function checkTensors(config: ModelConfig, tensors: Named<NdArray>, who: string): void {
  const expected = tensorShapes(config);
  const fix = "the weights are of another architecture; use them with the config.json that they were saved with";
  for (const [name, shape] of Object.entries(expected)) {
    const tensor = tensors[name];
    if (tensor === undefined)
      throw new ConfigError(problem`${who}: tensor '${name}' must be there, got nothing; ${fix}`);
    if (!sameShape(tensor.shape, shape) || tensor.dtype !== "float32") {
      const got = `${tensor.dtype}${formatShape(tensor.shape)}`;
      throw new ConfigError(problem`${who}: tensor '${name}' must be float32${formatShape(shape)}, got ${got}; ${fix}`);
    }
  }
  const unknown = Object.keys(tensors).find((name) => !(name in expected));
  if (unknown !== undefined)
    throw new ConfigError(problem`${who}: tensor '${unknown}' is not one of this model's; ${fix}`);
}

/** @throws ConfigError when a model's ids are not those of a vocabulary */
export function checkVocabulary(config: ModelConfig, vocabulary: { readonly size: number }, who: string): void {
  if (vocabulary.size === config.vocabSize) return;
  throw new ConfigError(
    problem`${who}: the vocabulary must have the model's vocabSize ${config.vocabSize}, got ${vocabulary.size} tokens;
    use the vocabulary that the model was trained with`,
  );
}

/** @throws ArgumentError for what holds no configuration and tensors; for callers without types */
export function requireModel(model: object, who: string, name: string): void {
  const holds = isRecord(model) && isRecord(model["config"]) && isRecord(model["tensors"]);
  requireArgument(holds, who, name, "a model with config and tensors", model, "open one with loadPretrained");
}
