/** What the attention of every layer reads and gives, head by head, for comparison with maps of its weights. */
import { formFor } from "../../src/attention/mechanism.ts";
import { ndarray, type NdArray } from "../../src/graph/ndarray.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import type { AttentionMapsOptions } from "../../src/inference/attention-maps.ts";
import { modelInputs } from "../../src/model/inputs.ts";
import { logits } from "../../src/model/performer.ts";
import { input } from "../../src/ops/source.ts";
import { feedsFor } from "../../src/runtime/backend.ts";
import { present } from "./harness.ts";

const NAMES = ["q", "k", "v", "out"] as const;

/** Rows of one head, `[L][D]`. */
export type HeadRows = Readonly<Record<(typeof NAMES)[number], readonly (readonly number[])[]>>;

/** By layer and head. */
export async function layerOutputs({
  config,
  tensors,
  tokenIds,
  backend,
}: AttentionMapsOptions): Promise<readonly (readonly HeadRows[])[]> {
  const outputs: Record<string, Tensor> = {};
  const ids = ndarray(Int32Array.from(tokenIds), [1, tokenIds.length]);
  logits(modelInputs(config), input("tokenIds", ids.shape, "int32"), {
    form: formFor(backend.device),
    observe: (layer, { q, k, v, attend }) => {
      for (const [name, tensor] of Object.entries({ q, k, v, out: attend(v) })) outputs[`${layer}.${name}`] = tensor;
    },
  });
  await using graph = await backend.compile({ outputs });
  const results = await graph.run(feedsFor(graph, { ...tensors, tokenIds: ids }));
  return Array.from({ length: config.numLayers }, (_, layer) =>
    Array.from({ length: config.numHeads }, (_, head): HeadRows => {
      const of = (name: (typeof NAMES)[number]) => rowsOf(present(results[`${layer}.${name}`]), head);
      return { q: of("q"), k: of("k"), v: of("v"), out: of("out") };
    }),
  );
}

/** One head of `[1, H, L, D]`. */
function rowsOf({ data, shape: [, , L = 0, D = 0] }: NdArray, head: number): number[][] {
  return Array.from({ length: L }, (_, row) =>
    Array.from({ length: D }, (_, column) => Number(data[(head * L + row) * D + column])),
  );
}

/** A v, row by row. */
export function mixed(weights: Float32Array, values: readonly (readonly number[])[]): number[][] {
  const L = values.length;
  const width = values[0]?.length ?? 0;
  return values.map((_, row) =>
    Array.from({ length: width }, (_, column) =>
      values.reduce((sum, value, key) => sum + (weights[row * L + key] ?? 0) * (value[column] ?? 0), 0),
    ),
  );
}
