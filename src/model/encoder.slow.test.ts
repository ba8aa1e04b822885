/**
 * Encoders: every token sees all others, none sees padding, as what pools the tokens of a decoder; and chunks of the
 * feed-forward layer change nothing.
 */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import { present, relativeError, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { encoderKinds, pooledDecoderKinds } from "../../tests/model/kinds.ts";
import { feedsFor } from "../runtime/backend.ts";
import { input } from "../ops/source.ts";
import type { ModelConfig } from "./config.ts";
import { modelInputs } from "./inputs.ts";
import { predictions } from "./predictions.ts";

const TOLERANCE = {
  /** Float32 through two layers, with sums over keys in another order. */
  logits: 2e-5,
} as const;

async function predict(config: ModelConfig, ids: readonly number[], form: "scan" | "parallel" = "scan") {
  const inputIds = input("inputIds", [1, ids.length], "int32");
  const outputs = { y: predictions(modelInputs(config), { inputIds }, { form }) };
  await using run = await createBackend().compile({ outputs });
  const results = await run.run(feedsFor(run, { ...tinyTensors(config), inputIds: Int32Array.from(ids) }));
  return present(results["y"]).data as Float32Array; // declared float32
}

const ids = [4, 9, 2, 7, 7, 1, 5];
const mechanisms = ["favor", "favor-relu", "exact", "favor-optimal"] as const;
const kinds = [
  ...Object.entries(encoderKinds).map(([name, kind]) => ({ name, mechanism: "favor", ...kind }) as const),
  ...mechanisms.map((mechanism) => ({ name: "a masked language model", mechanism, architecture: "encoder" }) as const),
];

describe("an encoder", () => {
  it.each(kinds)("as $name with $mechanism does not see padding", async ({ name: _, ...kind }) => {
    const config = tinyConfig(kind);
    const alone = await predict(config, ids);
    const padded = await predict(config, [...ids, 0, 0, 0, 0]);
    expect(relativeError(padded.subarray(0, alone.length), alone)).toBeLessThan(TOLERANCE.logits);
  });

  it.each(mechanisms)("with %s sees what comes later", async (mechanism) => {
    const config = tinyConfig({ architecture: "encoder", mechanism });
    const first = async (last: number) => (await predict(config, [...ids, last])).subarray(0, config.vocabSize);
    expect(relativeError(await first(3), await first(8))).toBeGreaterThan(1e-4);
  });
});

describe("a decoder that tells something of a sequence", () => {
  it.each(Object.entries(pooledDecoderKinds))("as %s does not see padding", async (_name, kind) => {
    const config = tinyConfig(kind);
    const alone = await predict(config, ids);
    expect(alone).toHaveLength(kind.numLabels);
    expect(relativeError(await predict(config, [...ids, 0, 0, 0, 0]), alone)).toBeLessThan(TOLERANCE.logits);
  });

  it("reads the last token, or the mean of all", async () => {
    const last = tinyConfig({ head: "regression", pooling: "last" });
    const mean = tinyConfig({ head: "regression", pooling: "mean" });
    expect(await predict(last, [4])).toEqual(await predict(mean, [4]));
    expect(relativeError(await predict(last, ids), await predict(mean, ids))).toBeGreaterThan(1e-3);
  });
});

describe("the feed-forward layer in chunks", () => {
  it.each([
    ["scan", 3],
    ["parallel", 3],
    ["scan", 2],
    ["scan", 100],
  ] as const)("gives the same in %s form, %i positions at a time", async (form, feedForwardChunkSize) => {
    const config = tinyConfig({ activation: "geglu" });
    const whole = await predict(config, ids);
    const chunked = await predict({ ...config, feedForwardChunkSize }, ids, form);
    expect(relativeError(chunked, whole)).toBeLessThan(TOLERANCE.logits);
  });
});
