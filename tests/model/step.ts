/** The graph of a training step with values for all of its inputs. */
import { createBackend } from "#engine";
import { inputsOf } from "../../src/graph/inputs.ts";
import { ndarray, type NdArray } from "../../src/graph/ndarray.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import { createRandom, fillKeepMask } from "../../src/random/index.ts";
import type { Batch } from "../../src/data/batch.ts";
import type { MaskSource } from "../../src/training/execution.ts";
import { batchFeeds, dropoutInputs, stepOutputs, type StepGraphOptions } from "../../src/training/graphs.ts";
import { tinyTensors } from "./harness.ts";

export interface PreparedStep {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly values: Readonly<Record<string, NdArray>>;
}

/**
 * Loss and gradients for a batch; dropout masks are drawn by the names that the graph declares, the same on every call.
 */
export function prepareStep(config: ModelConfig, batch: Batch, options: StepGraphOptions): PreparedStep {
  const outputs = stepOutputs(config, batch, options);
  const given = batchFeeds(batch);
  const inputs = [...inputsOf({ outputs })];
  const feeds = inputs.flatMap(([name, [tensor]]) =>
    given[name] ? [[name, ndarray(given[name], tensor.shape)] as const] : [],
  );
  const masks = inputs.flatMap(([name, [tensor]]) => {
    if (!name.startsWith("dropout.")) return [];
    const size = tensor.shape.reduce((product, length) => product * length, 1);
    const mask = fillKeepMask(createRandom(11, name), new Uint8Array(size), options.dropout);
    return [[name, ndarray(mask, tensor.shape)] as const];
  });
  return { outputs, values: { ...tinyTensors(config), ...Object.fromEntries([...feeds, ...masks]) } };
}

/** Dropout masks as a step draws them: by their numbers in the whole model. */
export function masksOf(rate: number): MaskSource {
  return (executable, { part = 0, first = 0 } = {}) =>
    Object.fromEntries(
      dropoutInputs(executable).map(({ name, number, size }) => [
        name,
        fillKeepMask(createRandom(11, part, first + number), new Uint8Array(size), rate),
      ]),
    );
}

export async function runOnEngine({ outputs, values }: PreparedStep): Promise<Record<string, NdArray>> {
  await using executable = await createBackend().compile({ outputs });
  return await executable.run(values);
}
