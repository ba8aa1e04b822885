/** Reversible models: what a block reads follows from what it leaves, and tokens are decoded as they are trained. */
import { createBackend } from "#engine";
import { expect, it } from "vitest";
import { randomBatch, relativeError, tinyConfig, tinyTensors } from "../../tests/model/harness.ts";
import { sub } from "../ops/elementwise.ts";
import { input } from "../ops/source.ts";
import { applyBlock, streamTensors } from "./block.ts";
import { modelInputs } from "./inputs.ts";
import { initialStates, logitsOfPart, nextStateOutputs, nextStates, stateInputs } from "./parts.ts";
import { branchesOf, logits } from "./performer.ts";
import { constantPositions, positionFeeds, positionInputs } from "./positions.ts";

const TOLERANCE = {
  /** A difference of two sums in float32. */
  inverse: 1e-6,
  /** The state of attention is summed in another order. */
  decoding: 2e-5,
} as const;

const config = tinyConfig({ reversible: true });
const tensors = tinyTensors(config);
const seqLen = 13;

it("a block's input follows from its output", async () => {
  const shape = [2, seqLen, config.modelDim];
  const [x1, x2] = [input("x1", shape), input("x2", shape)];
  const model = modelInputs({ ...config, numLayers: 1 });
  const { attention, mlp } = branchesOf(model, 0, constantPositions(config, seqLen), {});
  const [y1, y2 = y1] = streamTensors(applyBlock({ attention, mlp }, [x1, x2]));
  if (y1 === undefined || y2 === undefined) throw new Error("a reversible block must leave two halves");
  const again = sub(y2, mlp(y1));
  const outputs = { y1, again, first: sub(y1, attention(again)) };
  await using run = await createBackend().compile({ outputs });
  const halves = ["x1", "x2"].map((_, half) =>
    Float32Array.from({ length: 2 * seqLen * config.modelDim }, (__, index) => Math.sin(index * (half + 1.3))),
  );
  const [first = new Float32Array(), second = new Float32Array()] = halves;
  const own = Object.fromEntries(Object.entries(tensors).filter(([name]) => name.startsWith("blocks.0.")));
  const results = await run.run({ ...own, x1: first, x2: second });
  expect(relativeError(results["first"]?.data, first)).toBeLessThan(TOLERANCE.inverse);
  expect(relativeError(results["again"]?.data, second)).toBeLessThan(TOLERANCE.inverse);
  // The block does something.
  expect(relativeError(results["y1"]?.data, first)).toBeGreaterThan(0.01);
});

it("is another model than the same weights in a single stream, and decodes part by part what it is as a whole", async () => {
  const { inputIds } = randomBatch(config, 1, seqLen);
  const logitsOf = async (its: typeof config) => {
    const ids = input("ids", [1, seqLen], "int32");
    await using run = await createBackend().compile({ outputs: { y: logits(modelInputs(its), ids) } });
    return (await run.run({ ...tensors, ids: inputIds }))["y"]?.data;
  };
  const whole = await logitsOf(config);
  expect(relativeError(await logitsOf({ ...config, reversible: false }), whole)).toBeGreaterThan(0.01);

  const part = logitsOfPart(
    modelInputs(config),
    input("ids", [1, 1], "int32"),
    positionInputs(config, 1),
    stateInputs(config, 1),
  );
  const outputs = { y: part.logits, ...nextStateOutputs(part.states) };
  await using step = await createBackend().compile({ outputs });
  let states = initialStates(config, 1);
  const decoded: number[] = [];
  for (let position = 0; position < seqLen; position++) {
    const feeds = { ids: inputIds.subarray(position, position + 1), ...positionFeeds(config, position, 1) };
    const results = await step.run({ ...tensors, ...feeds, ...states });
    states = nextStates(results);
    decoded.push(...Array.from(results["y"]?.data ?? [], Number));
  }
  expect(relativeError(decoded, whole)).toBeLessThan(TOLERANCE.decoding);
});
