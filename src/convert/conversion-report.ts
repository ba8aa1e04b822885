/** How near another mechanism comes to a model's exact attention, layer by layer, and what would come nearer. */
import { mechanisms, type MechanismName } from "../attention/mechanisms.ts";
import type { HeadDiagnosis, MeasuredCandidate } from "../attention/diagnose/diagnose.ts";
import { diagnoseModel, type DiagnoseModelOptions, type ModelDiagnosis } from "../inference/observe-diagnosis.ts";
import { placesIn } from "../model/patches.ts";
import { selfAttention, outputStack } from "../model/stacks.ts";
import type { ConvertedModel, ConvertibleModel } from "./convert-attention.ts";
import { mean } from "../statistics/index.ts";
import { ofOneLength } from "./one-length.ts";

export interface ReportOptions extends Omit<
  DiagnoseModelOptions,
  "config" | "tensors" | "mechanism" | "numFeatures" | "projection" | "layers"
> {
  /** The model before conversion. */
  readonly model: ConvertibleModel;
  /** The result of `convertModel`. */
  readonly converted: Pick<ConvertedModel, "config" | "layers">;
  /** Sequences of any lengths, special tokens included: the longest ones are read, cut to one length. */
  readonly tokenIds: readonly ArrayLike<number>[];
}

export interface LayerConversion {
  readonly layer: number;
  /**
   * ‖out − exact‖ / ‖exact‖ of the attention output, mean over heads and drawn projections; null where outputs were not
   * finite.
   */
  readonly outputError: number | null;
  /** The map that is nearest in most heads, at as many features. */
  readonly best: Pick<MeasuredCandidate, "mechanism" | "projection">;
  /** In how many heads it is. */
  readonly bestHeads: number;
  /** Mean of `outputError` over heads, were each given the map that is nearest there. */
  readonly bestError: number | null;
  /** Heads that some number of features of the mechanism brings to wantedError, as far as can be seen. */
  readonly headsInReach: number;
  /** The features that those heads need; null where there are no such heads. */
  readonly featuresNeeded: number | null;
  readonly heads: readonly HeadDiagnosis[];
}

/** Plain data, as JSON holds it. */
export interface ConversionReport extends Pick<
  ModelDiagnosis,
  "mechanism" | "projection" | "numFeatures" | "wantedError" | "maxFeatures" | "redraws" | "sequences" | "tokens"
> {
  /** Tokens of each sequence that were read. */
  readonly length: number;
  readonly layers: readonly LayerConversion[];
}

/** More sequences change the mean over heads by less than a projection drawn anew does. */
const SEQUENCES = 8;

/**
 * Measures the layers that a conversion changed on queries, keys and values of the model as it was.
 *
 * Errors are means over projections drawn anew, of which the converted model holds one.
 *
 * @returns undefined for a mechanism without a feature map (a window, Nyström): the vectors of the converted model say
 *   how near it is
 * @throws ConfigError for no token at all, and as `diagnoseModel`
 */
export async function reportConversion(options: ReportOptions): Promise<ConversionReport | undefined> {
  const { model, converted, tokenIds, ...rest } = options;
  const { config, layers } = converted;
  const mechanism = mapped(config, layers);
  if (mechanism === undefined) return undefined;
  const chosen = ofOneLength("reportConversion", model.config, tokenIds, SEQUENCES);
  const { numFeatures, projection } = config;
  const found = await diagnoseModel({
    ...rest,
    config: model.config,
    tensors: model.tensors,
    tokenIds: chosen,
    layers,
    mechanism,
    numFeatures,
    ...(projection && { projection }),
  });
  const { layers: diagnosed, sequences, tokens, wantedError, maxFeatures, redraws } = found;
  return {
    mechanism: found.mechanism,
    projection: found.projection,
    numFeatures: found.numFeatures,
    wantedError,
    maxFeatures,
    redraws,
    sequences,
    length: placesIn(model.config, chosen[0]?.length ?? 0),
    tokens,
    layers: diagnosed.map(({ layer, heads }) => ({ layer, ...summarised(heads) })),
  };
}

/** The mechanism of the layers that changed, where it has a map that can be measured. */
function mapped(config: ConvertedModel["config"], [layer = 0]: readonly number[]): MechanismName | undefined {
  const { choice } = selfAttention(outputStack(config), layer);
  return typeof choice === "string" && "map" in mechanisms[choice] ? choice : undefined;
}

function summarised(heads: readonly HeadDiagnosis[]): Omit<LayerConversion, "layer"> {
  const counts = new Map<string, { readonly best: MeasuredCandidate; count: number }>();
  for (const { best } of heads) {
    const key = `${best.mechanism} ${best.projection}`;
    const seen = counts.get(key) ?? { best, count: 0 };
    counts.set(key, { best, count: seen.count + 1 });
  }
  const [most] = [...counts.values()].toSorted((a, b) => b.count - a.count);
  if (most === undefined) throw new RangeError("reportConversion: a layer has one head or more, got none");
  const needs = heads.flatMap(({ featuresNeeded }) => featuresNeeded ?? []);
  return {
    outputError: meanOf(heads.map(({ outputError }) => outputError)),
    best: { mechanism: most.best.mechanism, projection: most.best.projection },
    bestHeads: most.count,
    bestError: meanOf(heads.map(({ best }) => best.outputError)),
    headsInReach: needs.length,
    featuresNeeded: needs.length === 0 ? null : Math.max(...needs),
    heads,
  };
}

/** Null where one of them is not known. */
function meanOf(errors: readonly (number | null)[]): number | null {
  const known = errors.flatMap((error) => error ?? []);
  return known.length < errors.length ? null : mean(known);
}
