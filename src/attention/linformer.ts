/** Linformer: keys and values projected along the length to a few, by learned matrices. */
import * as z from "zod";
import { expectShapes } from "../graph/expect-shapes.ts";
import { GraphError, problem } from "../graph/errors.ts";
import { countingUp } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import { mul } from "../ops/elementwise.ts";
import { gather } from "../ops/gather.ts";
import { reshape, transpose } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { softmax } from "../ops/normalize.ts";
import { slice } from "../ops/slicing.ts";
import { constant } from "../ops/source.ts";
import { refuseCausal, requireBidirectional } from "./bidirectional-only.ts";
import { configurable } from "./configurable.ts";
import { maskColumn } from "./favor/maps/real.ts";
import type { AttentionMechanism, AttentionOptions, AttentionState, SummarisedForm } from "./mechanism.ts";

const SUMMARY = "Linformer: softmax over a few learned mixtures of the keys; bidirectional, up to maxSeqLen";

/** In the paper's figures this is as good as full attention for sequences of 512 to 4096 tokens. */
const PROJECTED_LENGTH = 256;

const options = z.strictObject({
  /** k, the number of mixtures. Default 256, or the longest sequence where that is shorter. */
  projectedLength: z.int().min(1).optional(),
  /** One matrix for keys and values. Default true: half as many weights and equally good (figure 3 of the paper). */
  shareKeyValue: z.boolean().default(true),
});

/**
 * softmax(q (E K)ᵀ / √D) F V with learned E, F `[k, maxSeqLen]`, which all heads of a layer share.
 *
 * Padding is set to 0 before the projection. A sequence of S tokens takes the first S columns. A sequence without any
 * real key gives 0.
 *
 * E and F start with a standard deviation of 1/√maxSeqLen, so that mixtures of a full sequence are as large as its
 * keys; the paper's 1/√k would make them √(maxSeqLen/k) times larger.
 *
 * Source: equation 7, arXiv:2006.04768.
 */
export const linformer = configurable("linformer", options, ({ projectedLength, shareKeyValue }) => {
  const mechanism: AttentionMechanism & { readonly summarised: SummarisedForm } = {
    name: "linformer",
    summary: SUMMARY,
    complexity: "O(L·k)",
    wholeBlocks: { least: 1 },
    initialise: () => undefined,
    refuse: (use) => {
      if (projectedLength === undefined || projectedLength <= use.maxSeqLen) return refuseCausal(use);
      return {
        rule: `projectedLength must be at most the longest sequence, ${use.maxSeqLen}`,
        got: String(projectedLength),
        fix: "make it smaller, or use 'exact', which is faster for sequences so short",
      };
    },
    parameters: ({ maxSeqLen }) => {
      const rows = projectedLength ?? Math.min(PROJECTED_LENGTH, maxSeqLen);
      const projection = { shape: [rows, maxSeqLen], init: { std: 1 / Math.sqrt(maxSeqLen) } };
      return { keyProjection: projection, ...(!shareKeyValue && { valueProjection: projection }) };
    },
    apply: (q, k, v, given) => {
      requireBidirectional("linformer", given.causal);
      expectShapes("linformer", { q: [q, "B H L D"], k: [k, "B H S D"] });
      return attend(q, projected(k, v, given));
    },
    summarised: { summarise: projected, read: attend },
  };
  return mechanism;
});

/** E K `[B, H, k, D]` and F V `[B, H, k, E]`. */
function projected(
  k: Tensor,
  v: Tensor,
  { keyMask, parameters, blockLength }: Pick<AttentionOptions, "keyMask" | "parameters" | "blockLength">,
): Record<"keys" | "values", Tensor> {
  const E = parameters?.["keyProjection"];
  if (E === undefined) {
    throw new GraphError(
      problem`linformer: parameters must hold 'keyProjection', got nothing; it is trained with a model, so give a
      model's own`,
    );
  }
  const F = parameters?.["valueProjection"] ?? E;
  const shapes = { k: [k, "B H S D"], v: [v, "B H S E"], E: [E, "k n"], F: [F, "k n"] } as const;
  const { S, n } = expectShapes("linformer", keyMask ? { ...shapes, keyMask: [keyMask, "B S"] } : shapes);
  if ((S ?? 0) > (n ?? 0)) {
    throw new GraphError(
      problem`linformer: a sequence must have at most as many tokens as the projections have columns, ${n}, got ${S};
      configure the model with a larger maxSeqLen`,
    );
  }
  const mask = keyMask && maskColumn(keyMask);
  const columns = (projection: Tensor) =>
    blockLength === undefined ? slice(projection, 1, 0, S ?? 0) : gatheredColumns(projection, S ?? 0);
  return {
    keys: alongLength(columns(E), mask ? mul(k, mask) : k),
    values: alongLength(columns(F), mask ? mul(v, mask) : v),
  };
}

/**
 * The first columns, `[k, n]` → `[k, count]`, with the same nodes at any count: `slice` leaves its node out where all
 * are taken.
 */
function gatheredColumns(projection: Tensor, count: number): Tensor {
  return transpose(gather(transpose(projection, [1, 0]), constant(countingUp("int32", [count]))), [1, 0]);
}

/**
 * `[k, S]` · `[B, H, S, D]` → `[B, H, k, D]`: one product, for a product a head would make the weight's gradient one a
 * head too.
 */
function alongLength(projection: Tensor, x: Tensor): Tensor {
  const [B = 0, H = 0, S = 0, D = 0] = x.shape;
  const columns = reshape(transpose(x, [2, 0, 1, 3]), [S, B * H * D]);
  return transpose(reshape(matmul(projection, columns), [-1, B, H, D]), [1, 2, 0, 3]);
}

/** softmax(q keysᵀ / √D) values. */
function attend(q: Tensor, { keys, values }: AttentionState): Tensor {
  if (keys === undefined || values === undefined) {
    throw new GraphError(
      problem`linformer: a summary must have 'keys' and 'values', got none; take what summarise() gives`,
    );
  }
  const headDim = q.shape.at(-1) ?? 1;
  return matmul(softmax(matmul(mul(q, headDim ** -0.5), keys, { transposeB: true })), values);
}
