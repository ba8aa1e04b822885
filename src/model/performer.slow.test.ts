/**
 * The whole model: causal to the bit, the same in every form, and on the reference backend what it is on the engine.
 */
import { createBackend } from "#engine";
import { describe, expect, it } from "vitest";
import type { ExecutionForm } from "../attention/mechanism.ts";
import { input } from "../ops/source.ts";
import { tinyConfig, tinyTensors, present, randomBatch, relativeError } from "../../tests/model/harness.ts";
import { modelInputs } from "./inputs.ts";
import type { ModelConfig } from "./config.ts";
import { logits } from "./performer.ts";

const TOLERANCE = {
  /** Two layers in float32, the sums of chunks in another order. */
  forms: 2e-5,
} as const;

const kinds = (["favor", "favor-relu", "exact"] as const).flatMap((mechanism) =>
  (["rotary", "learned"] as const).map((positions) => ({ mechanism, positions })),
);

async function logitsOf(
  config: ModelConfig,
  inputIds: Int32Array,
  batchSize: number,
  form: ExecutionForm = "scan",
): Promise<Float32Array> {
  const ids = input("ids", [batchSize, inputIds.length / batchSize], "int32");
  await using run = await createBackend().compile({ outputs: { y: logits(modelInputs(config), ids, { form }) } });
  const { y } = await run.run({ ids: inputIds, ...tinyTensors(config) });
  return present(y).data as Float32Array; // declared float32
}

describe.each(kinds)("a model with $mechanism and $positions positions", (kind) => {
  const seqLen = 71; // more than a chunk of 64
  const config = tinyConfig({ ...kind, maxSeqLen: seqLen });
  const { inputIds } = randomBatch(config, 2, seqLen);

  it("lets no token see a later one: the logits before a change are bit-identical", async () => {
    const original = await logitsOf(config, inputIds, 2);
    for (const cut of [1, 37, 70]) {
      const changed = inputIds.map((id, index) => (index % seqLen >= cut ? (id + 1 + (index % 7)) % 11 : id));
      const other = await logitsOf(config, changed, 2);
      const width = config.vocabSize;
      for (const row of [0, 1]) {
        const start = row * seqLen * width;
        const before = (y: Float32Array) => y.subarray(start, start + cut * width);
        expect(before(other)).toEqual(before(original));
        expect(other.subarray(start + cut * width, start + seqLen * width)).not.toEqual(
          original.subarray(start + cut * width, start + seqLen * width),
        );
      }
    }
  });

  it("gives the same logits in scan and in parallel form", async () => {
    const scan = await logitsOf(config, inputIds, 2, "scan");
    const parallel = await logitsOf(config, inputIds, 2, "parallel");
    expect(relativeError(parallel, scan)).toBeLessThan(TOLERANCE.forms);
  });
});

describe("a model", () => {
  it("reads the order of tokens", async () => {
    const config = tinyConfig();
    const last = async (ids: readonly number[]) => (await logitsOf(config, Int32Array.from(ids), 1)).slice(-11);
    expect(relativeError(await last([4, 5, 6, 7]), await last([5, 4, 6, 7]))).toBeGreaterThan(0.001);
  });

  it("has an output layer of its own without tied embeddings", async () => {
    const config = tinyConfig({ tieEmbeddings: false });
    const ids = Int32Array.of(4, 5, 6);
    const untied = await logitsOf(config, ids, 1);
    expect(relativeError(untied, await logitsOf(tinyConfig(), ids, 1))).toBeGreaterThan(0.1);
  });
});
