/** A model's attention diagnosed layer by layer, head by head, on sequences of its own data. */
import { mechanisms, type MechanismName } from "../attention/mechanisms.ts";
import { diagnose, type Diagnosis, type HeadDiagnosis } from "../attention/diagnose/diagnose.ts";
import type { DiagnoseOptions } from "../attention/diagnose/options.ts";
import type { ModelConfig } from "../model/config.ts";
import { placesIn } from "../model/patches.ts";
import { describeMechanism, outputStack, selfAttention } from "../model/stacks.ts";
import { observeAttention, type ObserveOptions } from "./observe.ts";

export interface DiagnoseModelOptions
  extends
    ObserveOptions,
    Pick<
      DiagnoseOptions,
      | "mechanism"
      | "numFeatures"
      | "projection"
      | "wantedError"
      | "maxFeatures"
      | "candidates"
      | "seed"
      | "samples"
      | "redraws"
    > {
  /** Numbers of the layers that are diagnosed, from 0. Default: all. */
  readonly layers?: readonly number[];
  /** Called after each layer, with how many are done. */
  readonly onLayer?: (done: number) => void;
}

export interface LayerDiagnosis {
  readonly layer: number;
  readonly heads: readonly HeadDiagnosis[];
}

/** Plain data, as JSON holds it. */
export interface ModelDiagnosis extends Omit<Diagnosis, "heads"> {
  /** The model's configuration; `mechanism` is the diagnosed one, the last layer's where layers differ. */
  readonly modelMechanism: string;
  readonly sequences: number;
  /** In all sequences together. */
  readonly tokens: number;
  readonly layers: readonly LayerDiagnosis[];
}

/**
 * Diagnoses the attention of every layer on given sequences: its own map and numFeatures, or what FAVOR+ would make of
 * a model with exact attention.
 *
 * The sequences run through the model as it is, so that later layers see what its own attention passes on.
 *
 * @throws ConfigError and GraphError as `observeAttention` and `diagnose`
 *
 * @example
 * const { layers } = await diagnoseModel({ config, tensors, tokenIds, backend, wantedError: 0.1 });
 */
export async function diagnoseModel(options: DiagnoseModelOptions): Promise<ModelDiagnosis> {
  const { config, tensors, tokenIds, backend, layers: wanted, onLayer, ...chosen } = options;
  const observed = await observeAttention({ config, tensors, tokenIds, backend });
  const settings: DiagnoseOptions = {
    numFeatures: config.numFeatures,
    ...(config.projection && { projection: config.projection }),
    ...(config.projectionLengths && { projectionLengths: config.projectionLengths }),
    ...chosen,
    numHeads: config.numHeads,
    causal: outputStack(config).causal,
    backend,
  };
  const layers: LayerDiagnosis[] = [];
  let common: Omit<Diagnosis, "heads"> | undefined;
  for (const [layer, arrays] of observed.entries()) {
    if (wanted?.includes(layer) === false) continue;
    const { heads, ...rest } = await diagnose(arrays, { mechanism: mappedMechanism(config, layer), ...settings });
    common = rest;
    layers.push({ layer, heads });
    onLayer?.(layers.length);
  }
  if (common === undefined)
    throw new RangeError("diagnoseModel: a model has one layer or more, and layers must name some of them, got none");
  const tokens = tokenIds.reduce((total, sequence) => total + placesIn(config, sequence.length), 0);
  return { ...common, modelMechanism: describeMechanism(config), sequences: tokenIds.length, tokens, layers };
}

/** A layer's mechanism, or FAVOR+ for one without a feature map. */
function mappedMechanism(config: ModelConfig, layer: number): MechanismName {
  const { choice } = selfAttention(outputStack(config), layer);
  return typeof choice === "string" && "map" in mechanisms[choice] ? choice : "favor";
}
