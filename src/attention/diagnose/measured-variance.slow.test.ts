/** Variances as predicted and as measured over many projections. */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { createRandom, fillNormal } from "../../random/index.ts";
import { present } from "../../../tests/model/harness.ts";
import { featureMaps } from "../favor/maps/index.ts";
import type { MechanismName } from "../mechanisms.ts";
import { mapOf } from "./candidates.ts";
import { measurePairs } from "./measured-variance.ts";
import { pickPairs, predictPairs, summarise } from "./pairs.ts";
import type { Heads } from "./sequences.ts";
import { measuredMechanismOf, type MeasuredMechanism } from "./measured-mechanism.ts";

const [length, width, redraws] = [19, 7, 401];

function normal(name: string): Heads {
  const data = fillNormal(createRandom(13, name), new Float32Array(length * width), 0.5);
  return { data, batch: 1, numHeads: 1, length, width };
}

const [q, k] = [normal("q"), normal("k")];
const pairs = pickPairs(q, k, false, createRandom(13, "pairs"));
/** Graphs this small run no faster on more threads. */
const backend = createBackend({ threads: 1 });

/** Measured over predicted. */
async function ratios(name: MechanismName, projection: MeasuredMechanism["projection"], numFeatures: number) {
  const map = mapOf(name) ?? featureMaps.positive;
  const subject = measuredMechanismOf({ mechanism: name, projection }, map, numFeatures, width);
  const measured = summarise(await measurePairs(subject, { q, k, pairs, seed: 0, redraws, backend }), pairs, 0);
  const predicted = summarise(present(predictPairs(map, q, k, pairs)), pairs, 0);
  return (["median", "attentionWeighted"] as const).map(
    (each) => (present(measured[each] ?? undefined) * numFeatures) / present(predicted[each] ?? undefined),
  );
}

describe("measurePairs", () => {
  it.each(["favor", "favor-hyperbolic", "favor-saderf"] as const)(
    "finds the predicted variance for %s with independent rows",
    async (name) => {
      // A variance from n normal estimates has the relative standard error √(2/n); entries share their draws, so a mean
      // over them is no better than one alone. Means of 211 terms are near to normal.
      const bound = 4 * Math.sqrt(2 / redraws);
      for (const ratio of await ratios(name, "iid", 211)) expect(Math.abs(ratio - 1)).toBeLessThan(bound);
    },
  );

  it("finds less with orthogonal rows than the prediction for independent ones", async () => {
    for (const ratio of await ratios("favor", "orthogonal", 7)) expect(ratio).toBeLessThan(1);
  });
});
