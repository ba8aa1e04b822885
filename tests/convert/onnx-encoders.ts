/** Exported encoders against our own forward pass. */

import { expect } from "vitest";

import { createBackend } from "#engine";
import { exportOnnx, type ExportableModel, type ExportOnnxOptions, type OnnxExport } from "../../src/convert/index.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import type { ModelOptions } from "../../src/model/config.ts";
import { modelInputs } from "../../src/model/inputs.ts";
import type { ModelTensors } from "../../src/model/performer.ts";
import { input } from "../../src/ops/source.ts";
import { feedsFor } from "../../src/runtime/backend.ts";
import { present, relativeError, tinyConfig } from "../model/harness.ts";
import { floats, int64, openExport, tinyModel } from "./onnx.ts";

const backend = createBackend({ threads: 1 });

/** Float32, sums in another order. */
export const TOLERANCE = 2e-5;

export function tinyEncoder(options: Partial<ModelOptions> = {}): ExportableModel {
  return tinyModel(tinyConfig({ architecture: "encoder", ...options }));
}

export interface RowsOptions {
  /** Padding stands in front, and the last of several rows holds nothing else. Default: behind. */
  readonly padInFront?: boolean;
}

/** Ids of which every row but the first has padding. */
function rows(batch: number, length: number, padId: number, { padInFront = false }: RowsOptions) {
  const real = (row: number) => {
    if (padInFront && row > 0 && row === batch - 1) return 0;
    return row === 0 ? length : Math.max(1, length - 2 * row);
  };
  const at = (index: number) => {
    const place = index % length;
    return (padInFront ? length - 1 - place : place) < real(Math.floor(index / length));
  };
  const ids = Array.from({ length: batch * length }, (_, index) => (at(index) ? 4 + ((index * index + 3) % 7) : padId));
  return { ids, mask: ids.map((id) => Number(id !== padId)) };
}

async function own(
  { config, tensors }: ExportableModel,
  ids: readonly number[],
  shape: readonly number[],
  build: (model: ModelTensors, tokenIds: Tensor) => Tensor,
): Promise<Float32Array> {
  const y = build(modelInputs(config), input("tokenIds", shape, "int32"));
  await using graph = await backend.compile({ outputs: { y } });
  return present((await graph.run(feedsFor(graph, { ...tensors, tokenIds: Int32Array.from(ids) })))["y"])
    .data as Float32Array; // declared float32
}

/**
 * The exported graph's output and ours, of tokens that are no padding.
 *
 * @param sizes batches and lengths that are tried
 */
export async function compareEncoder(
  model: ExportableModel,
  options: ExportOnnxOptions,
  build: (model: ModelTensors, tokenIds: Tensor) => Tensor,
  sizes: readonly (readonly [number, number])[],
  rowsOptions: RowsOptions = {},
): Promise<OnnxExport> {
  const exported = exportOnnx(model, options);
  const session = await openExport(exported);
  for (const [batch, length] of sizes) {
    const shape = [batch, length];
    const { ids, mask } = rows(batch, length, model.config.padId, rowsOptions);
    const result = await session.run({ input_ids: int64(ids, shape), attention_mask: int64(mask, shape) });
    const theirs = floats(result[present(session.outputNames[0])]);
    const ours = await own(model, ids, shape, build);
    expect(theirs).toHaveLength(ours.length);
    const width = ours.length / (batch * length);
    const kept = (values: Float32Array) =>
      Number.isInteger(width) ? values.filter((_, index) => mask[Math.floor(index / width)] === 1) : values;
    expect(relativeError(kept(theirs), kept(ours)), `${batch} × ${length}`).toBeLessThan(TOLERANCE);
  }
  await session.release();
  return exported;
}
