/** FAVOR+ and training in the page, by the package's public entrance and on its default device. */

import { createBackend, favorAttention, PerformerForMaskedLM } from "performer-ts";
import { defaultDevice } from "performer-ts/runtime";
import { initialState, train, trainingConfig } from "performer-ts/training";
import { modelConfig } from "performer-ts/model";
import type { AttentionCase, TrainingCase } from "../performer-cases.ts";

/** What the page loaded to import the package, as paths. */
export async function loadedModules() {
  const names = performance.getEntriesByType("resource").map(({ name }) => decodeURIComponent(new URL(name).pathname));
  return { names, device: defaultDevice() };
}

export async function attend({ q, k, v, dims, options }: AttentionCase) {
  const array = (values: readonly number[]) => ({ data: Float32Array.from(values), dims });
  const out = await favorAttention({ q: array(q), k: array(k), v: array(v) }, options);
  return { dims: [...out.dims], data: [...out.data] };
}

/** One optimizer step from fresh weights. */
export async function trainOneStep({ model, training, batch }: TrainingCase) {
  const config = modelConfig(model);
  const inputs = {
    ...batch,
    inputIds: Int32Array.from(batch.inputIds),
    targetIds: Int32Array.from(batch.targetIds),
    weights: Float32Array.from(batch.weights),
  };
  let lossNats = Number.NaN;
  const { state } = await train({
    config,
    training: trainingConfig(training),
    backend: createBackend(),
    batches: { batchAt: () => inputs },
    initial: initialState(config, training.seed),
    onStep: (progress) => {
      ({ lossNats } = progress);
    },
  });
  const weights = Object.entries(state.model).map(([name, { data }]) => [name, Array.from(data, Number)] as const);
  return { lossNats, weights: Object.fromEntries(weights) };
}

export async function startingWeights({ model, training }: TrainingCase): Promise<Record<string, number[]>> {
  const { model: tensors } = initialState(modelConfig(model), training.seed);
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, Array.from(data, Number)]));
}

/**
 * Vectors of a text by a pretrained model below an address of this page, and by the same model, saved, as files of the
 * page.
 */
export async function embedFromAddress({ path, text }: { readonly path: string; readonly text: string }) {
  const model = await PerformerForMaskedLM.from_pretrained(new URL(path, location.href).href);
  const { config, model: weights, others = {} } = model.toFiles();
  const contents = { ...others, "config.json": config, "model.safetensors": weights };
  const files = Object.entries(contents).map(([name, content]) => new File([new Blob([content as BlobPart])], name)); // bytes or a text
  const again = await PerformerForMaskedLM.from_pretrained(files);
  const [[first], [second]] = [await model.embed([text]), await again.embed([text])];
  return [[...(first?.data ?? [])], [...(second?.data ?? [])]];
}
