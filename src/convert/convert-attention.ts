/**
 * Another attention mechanism in the place of a trained model's: every weight stays, and what the mechanism draws at
 * random is drawn.
 */
import { createMechanism, type MechanismChoice } from "../attention/choice.ts";
import { refuseUnknownOptions } from "../graph/arguments.ts";
import { ConfigError, problem } from "../graph/errors.ts";
import { nearestName } from "../graph/nearest-name.ts";
import type { NdArray } from "../graph/ndarray.ts";
import { formatShape, sameShape } from "../graph/shape.ts";
import { chosenNumbers } from "../model/chosen-numbers.ts";
import { modelConfig, type ModelConfig, type ModelOptions } from "../model/config.ts";
import { drawProjections, projectionName, type Named } from "../model/parameters.ts";
import { mostPlaces } from "../model/patches.ts";
import { outputStack, selfAttention } from "../model/stacks.ts";
import { checkTensors, requireModel, tensorShapes } from "../model/tensors.ts";
import { positionRules, stretchPositions, type PositionRule } from "./longer-positions.ts";

export interface ConvertOptions extends Pick<ModelOptions, "projection"> {
  /** The new attention of the layers: a name, or a name with options. */
  readonly mechanism: MechanismChoice;
  /** Numbers of the layers that change, from 0. Default: all. */
  readonly layers?: readonly number[];
  /** Random features a head. Default: the model's, which for a pretrained one is round(headDim · ln headDim). */
  readonly numFeatures?: number;
  /** Decides the projections. Default 0. */
  readonly seed?: number;
  /** Positions of the converted model, as many as there are or more. Default: as many. */
  readonly maxSeqLen?: number;
  /**
   * Where more positions come from, with learned ones. Default `repeat`: texts of the old length keep their positions.
   */
  readonly positions?: PositionRule;
}

export interface ConvertedModel {
  readonly config: ModelConfig;
  /** Weights, which are the arrays that were given, and projections. */
  readonly tensors: Readonly<Record<string, NdArray>>;
  /** The layers that changed, in ascending order. */
  readonly layers: readonly number[];
}

/** A model of any origin. */
export interface ConvertibleModel {
  readonly config: ModelConfig;
  /** Weights and projections. */
  readonly tensors: Named<NdArray>;
}

const WHO = "convertModel";
const TABLE = "positionEmbedding.weight";

const optionNames = ["layers", "maxSeqLen", "mechanism", "numFeatures", "positions", "projection", "seed"];

/**
 * A trained model with another attention mechanism in all layers or in some.
 *
 * Nothing is trained: how near the result is, `reportConversion` measures. Layers that do not change keep their
 * projections; the others' are drawn from the seed and the layer's number, so that a layer's is the same whichever
 * others change.
 *
 * @throws ConfigError for what the mechanism cannot do (as `modelConfig`), for one with weights that the model lacks,
 *   for layers out of range, for fewer positions than before, and for encoder–decoders
 *
 * @example convertModel(await loadPretrained("all-MiniLM-L6-v2"), { mechanism: "favor", numFeatures: 256 })
 */
export function convertModel(model: ConvertibleModel, options: ConvertOptions): ConvertedModel {
  requireModel(model, WHO, "model");
  refuseUnknownOptions(WHO, options, optionNames);
  const { config, tensors } = model;
  if (config.architecture === "encoder-decoder") {
    throw new ConfigError(
      problem`${WHO}: the model must have one stack of blocks, got architecture 'encoder-decoder'; use 'decoder' or
      'encoder'`,
    );
  }
  checkTensors(config, tensors, WHO);
  const { mechanism, numFeatures, projection, seed = 0, positions = "repeat" } = options;
  const layers = chosenNumbers(WHO, "layers", options.layers, config.numLayers).toSorted((a, b) => a - b);
  for (const layer of layers) checkWeights(config, tensors, layer, mechanism);
  const maxSeqLen = checkLength(config, options.maxSeqLen, positions);
  const converted = modelConfig({
    ...config,
    mechanism: mechanismsOf(config, layers, mechanism),
    ...(numFeatures !== undefined && { numFeatures }),
    ...(projection !== undefined && { projection }),
    maxSeqLen,
  });
  const table = tensors[TABLE];
  const known: Named<NdArray> = {
    ...tensors,
    ...(table !== undefined && { [TABLE]: stretchPositions(table, mostPlaces(converted), positions) }),
    ...ofLayers(drawProjections(converted, seed, 0), layers),
  };
  const chosen = Object.entries(tensorShapes(converted)).map(([name, shape]): readonly [string, NdArray] => {
    const tensor = known[name];
    if (tensor !== undefined && sameShape(tensor.shape, shape)) return [name, tensor];
    // Such as the projections of layers that stay, which have as many rows as before.
    throw new ConfigError(
      problem`${WHO}: '${name}' of the model, which stays as it is, must be ${formatShape(shape)}, got
      ${tensor === undefined ? "nothing" : formatShape(tensor.shape)}; leave numFeatures, projection and maxSeqLen out,
      or convert all layers`,
    );
  });
  return { config: converted, tensors: Object.fromEntries(chosen), layers };
}

/**
 * @throws ConfigError for a mechanism that would need weights which only training gives, or would leave some of the
 * model's unused
 */
function checkWeights(config: ModelConfig, tensors: Named<NdArray>, layer: number, choice: MechanismChoice): void {
  const mechanism = createMechanism(choice, WHO);
  const { numHeads, headDim } = config;
  const own = Object.keys(mechanism.parameters?.({ numHeads, headDim, maxSeqLen: mostPlaces(config) }) ?? {});
  const { name: site, mechanism: before } = selfAttention(outputStack(config), layer);
  const lacking = own.filter((name) => tensors[`${site}.mechanism.${name}`] === undefined);
  const fix = "use one that attends by queries, keys and values alone, such as 'favor'; or train a model with it";
  if (lacking.length > 0) {
    throw new ConfigError(
      problem`${WHO}: the mechanism must need no weights beside the model's, got '${mechanism.name}', whose
      ${lacking.join(", ")} only training gives; ${fix}`,
    );
  }
  const shares = mechanism.sharesKeys === true;
  if (shares !== (before.sharesKeys === true)) {
    const got = shares
      ? `'${mechanism.name}', whose keys are its queries`
      : `'${mechanism.name}' for a model without weights for keys`;
    throw new ConfigError(problem`${WHO}: the mechanism must use the model's queries and keys, got ${got}; ${fix}`);
  }
}

/** @throws ConfigError for fewer positions than before, and for more where each has a place in a grid or a mechanism */
function checkLength(config: ModelConfig, wanted: number | undefined, rule: PositionRule): number {
  const { maxSeqLen, positions, patches } = config;
  if (!positionRules.includes(rule)) {
    const near = nearestName(String(rule), positionRules);
    throw new ConfigError(
      problem`${WHO}: positions must be ${positionRules.join(" or ")}, got '${String(rule)}';
      ${near === undefined ? "leave it out for repeat" : `did you mean '${near}'?`}`,
    );
  }
  if (wanted === undefined) return maxSeqLen;
  if (!(wanted >= maxSeqLen)) {
    throw new ConfigError(
      problem`${WHO}: maxSeqLen must be at least the model's ${maxSeqLen}, got ${wanted}; leave it out, texts may be
      shorter`,
    );
  }
  if (patches && wanted !== maxSeqLen) {
    throw new ConfigError(
      problem`${WHO}: images must be of ${patches.width} × ${patches.height} pixels, got a maxSeqLen of ${wanted}; leave
      it out`,
    );
  }
  if (positions === "axial" && wanted !== maxSeqLen) {
    throw new ConfigError(
      problem`${WHO}: more positions must come with learned, rotary, sinusoidal ones or none, got 'axial', a grid; leave
      maxSeqLen out`,
    );
  }
  return wanted;
}

/** One for all layers where all change, else one a layer. */
function mechanismsOf(config: ModelConfig, layers: readonly number[], choice: MechanismChoice) {
  if (layers.length === config.numLayers) return choice;
  const stack = outputStack(config);
  return Array.from({ length: config.numLayers }, (_, layer) =>
    layers.includes(layer) ? choice : selfAttention(stack, layer).choice,
  );
}

function ofLayers(projections: Named<NdArray>, layers: readonly number[]): Named<NdArray> {
  const names = new Set(layers.map(projectionName));
  return Object.fromEntries(Object.entries(projections).filter(([name]) => names.has(name)));
}
