/** Attention maps of every mechanism of the table, in both kinds of model that it does not refuse. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { layerOutputs, mixed } from "../../tests/model/attention-layers.ts";
import { present, relativeError, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { mechanisms, type MechanismName } from "../attention/mechanisms.ts";
import { ConfigError } from "../graph/errors.ts";
import type { ModelConfig, ModelOptions } from "../model/config.ts";
import { createRandom } from "../random/index.ts";
import { attentionMaps } from "./attention-maps.ts";

/** Float32 of two graphs whose values have other widths, so that sums are taken in another order. */
const TOLERANCE = 1e-4;
/** Their rows are products of matrices of which only one is normalised. */
const UNNORMALISED: readonly MechanismName[] = ["linformer", "nystrom"];

/** A query all of whose products with keys are 0 after their ReLU gives nothing to anybody. */
const MAY_GIVE_NOTHING: readonly MechanismName[] = ["cosformer"];

const backend = createBackend({ threads: 1 });
const length = 128;
const names = Object.keys(mechanisms) as MechanismName[]; // the keys of the table

/** The configuration, or undefined where the mechanism says itself that it cannot be used so. */
function configOf(options: Partial<ModelOptions>): ModelConfig | undefined {
  try {
    return tinyConfig({ maxSeqLen: length, numLayers: 1, ...options });
  } catch (error) {
    if (error instanceof ConfigError && /^model: .+, got .+; .+/.test(error.message)) return undefined;
    throw error;
  }
}

describe.each(names)("the map of %s", (mechanism) => {
  it.each(["decoder", "encoder"] as const)(
    "in a(n) %s mixes the layer's values into its output",
    async (architecture) => {
      const config = configOf({ mechanism, architecture });
      if (config === undefined) return;
      const random = createRandom(29, mechanism);
      const tokenIds = Int32Array.from({ length }, () => 1 + random.integer(config.vocabSize - 1));
      const base = { config, tensors: tinyTensors(config), tokenIds, backend };
      const { maps, causal } = await attentionMaps(base);
      const observed = await layerOutputs(base);
      for (const { layer, head, weights } of maps) {
        const { v, out } = present(observed[layer]?.[head]);
        expect(relativeError(mixed(weights, v).flat(), out.flat())).toBeLessThan(TOLERANCE);
        for (let row = 0; row < length; row++) {
          const own = weights.subarray(row * length, (row + 1) * length);
          const given = own.reduce((sum, weight) => sum + weight, 0);
          const isNothing = given === 0 && MAY_GIVE_NOTHING.includes(mechanism);
          if (!isNothing && !UNNORMALISED.includes(mechanism)) expect(given).toBeCloseTo(1, 3);
          if (causal) expect(own.subarray(row + 1).every((weight) => weight === 0)).toBe(true);
        }
      }
    },
  );
});
