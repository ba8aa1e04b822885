/**
 * FAVOR+ on plain arrays with its gradients; causal attention over long sequences in parts, so that memory holds the
 * arrays and one part.
 */
import { backpropagate } from "../autodiff/gradients.ts";
import { GraphError, problem } from "../graph/errors.ts";
import { toFloat32, type NdArray } from "../graph/ndarray.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { AttentionArray } from "./arrays.ts";
import {
  attentionOptionNames,
  checkFinite,
  checkOptions,
  inputsFor,
  prepareAttention,
  runOnce,
  takenMechanism,
  type ArrayAttentionOptions,
  type PreparedAttention,
} from "./attend.ts";
import { gradientsInParts } from "./attention-in-parts.ts";
import { readBatch, readBatches, type Batch, type GradientBatches } from "./batch.ts";
import { joinHeads, splitHeads } from "./heads.ts";
import { requirePositiveInteger } from "../graph/arguments.ts";
import type { AttentionOutput } from "./favor-attention.ts";

/**
 * Positions of a part, where none are asked for: a few ten megabytes beside the arrays, and hardly any time lost at the
 * seams.
 */
const DEFAULT_SEGMENT = 8192;

export interface AttentionGradientsOptions extends ArrayAttentionOptions {
  /**
   * Positions of the parts in which a causal sequence is read; 0 reads it in one go. Default 8192, and 0 for
   * bidirectional attention, mechanisms without a state, masks, and devices without loops, which have no parts.
   */
  readonly segmentLength?: number;
}

/** The output and the gradients of Σ out·dOut, with the sizes of the arrays that they belong to. */
export interface AttentionGradients {
  readonly out: AttentionOutput;
  readonly dq: AttentionOutput;
  readonly dk: AttentionOutput;
  readonly dv: AttentionOutput;
  /** How many positions were read at a time. */
  readonly segmentLength: number;
}

/**
 * Attention and its gradients over arrays.
 *
 * Causal sequences are read in parts: forward once, keeping the states between parts, then from the last part to the
 * first, each again from the state before it. The gradients are those of the whole sequence; the time is about a third
 * more than in one go.
 *
 * @param arrays q, k, v as `attention` takes them, and dOut, the gradient of some scalar by the output
 * @throws GraphError as `attention`, for a dOut that does not fit, and for parts of what has none
 *
 * @example
 * const { out, dq, dk, dv } = await attentionGradients({ q, k, v, dOut }, { numHeads: 8, causal: true });
 */
export async function attentionGradients(
  arrays: Readonly<Record<"q" | "k" | "v" | "dOut", AttentionArray>>,
  options: AttentionGradientsOptions = {},
): Promise<AttentionGradients> {
  return gradientsOfArrays("attentionGradients", arrays, options);
}

/**
 * FAVOR+ attention and its gradients over arrays: `attentionGradients`, by the name of its default.
 *
 * @throws as `attentionGradients`
 */
export async function favorAttentionGradients(
  arrays: Readonly<Record<"q" | "k" | "v" | "dOut", AttentionArray>>,
  options: AttentionGradientsOptions = {},
): Promise<AttentionGradients> {
  return gradientsOfArrays("favorAttentionGradients", arrays, options);
}

async function gradientsOfArrays(
  who: string,
  arrays: Readonly<Record<"q" | "k" | "v" | "dOut", AttentionArray>>,
  options: AttentionGradientsOptions,
): Promise<AttentionGradients> {
  const { segmentLength, ...others } = options;
  const { numHeads, causal } = checkOptions(who, options, [...attentionOptionNames, "segmentLength"]);
  const layout = { numHeads, headDim: options.headDim, causal };
  const { q, k, v = readBatch(who, "v", arrays.v, layout) } = readBatches(who, arrays, layout);
  const dOut = readBatch(who, "dOut", arrays.dOut, layout);
  const sizes = [q.shape[0], q.shape[1], v.shape[2]];
  if (dOut.shape.join() !== sizes.join()) {
    throw new GraphError(
      problem`${who}: dOut must have the sizes of the output, [${sizes.join(" ")}], got [${dOut.shape.join(" ")}]; it is
      the gradient by it`,
    );
  }
  const batches = { q, k, v, dOut };
  const prepared = prepareAttention(who, batches, others);
  const asked = partLength(who, prepared, segmentLength);
  const length = asked > 0 ? Math.min(asked, q.shape[1]) : q.shape[1];
  // In parts a mechanism works by its state, whatever it would choose for the whole.
  const mechanism = length < q.shape[1] ? prepared.mechanism.name : takenMechanism(prepared, k.shape[1]);
  const found =
    length < q.shape[1] ? await gradientsInParts(prepared, batches, length) : await gradientsInOneGo(prepared, batches);
  checkFinite(who, found.out, prepared.mechanism);
  const like = (data: Float32Array, { shape, batched }: Batch): AttentionOutput => ({
    type: "float32",
    data,
    dims: batched ? shape : shape.slice(1),
    mechanism,
  });
  return {
    out: like(found.out, dOut),
    dq: like(found.dq, q),
    dk: like(found.dk, k),
    dv: like(found.dv, v),
    segmentLength: length,
  };
}

function partLength(who: string, prepared: PreparedAttention, asked: number | undefined): number {
  const { mechanism, causal, options } = prepared;
  const masked = options.keyMask !== undefined;
  const hasParts = causal && mechanism.recurrent !== undefined && options.form !== "parallel" && !masked;
  if (asked === undefined) return hasParts ? DEFAULT_SEGMENT : 0;
  if (asked !== 0) requirePositiveInteger(who, "segmentLength", asked, "omit it for the default", GraphError);
  if (asked === 0 || hasParts) return asked;
  const got = masked ? "a keyMask" : causal ? `'${mechanism.name}' on this device` : "bidirectional attention";
  throw new GraphError(
    problem`${who}: segmentLength must come with causal attention by a state, without a mask, on a device with loops,
    got ${got}; leave it out`,
  );
}

async function gradientsInOneGo(
  { mechanism, numHeads, backend, options, feeds }: PreparedAttention,
  batches: GradientBatches,
): Promise<Record<"out" | "dq" | "dk" | "dv", Float32Array>> {
  const { dOut, ...tensors } = inputsFor(batches);
  const heads = (x: Tensor) => splitHeads(x, numHeads);
  const attended = mechanism.apply(heads(tensors.q), heads(tensors.k), heads(tensors.v), options);
  const { q, k, v } = tensors;
  const [dq = q, dk = k, dv = v] = backpropagate([attended], [heads(dOut)], [q, k, v]);
  const outputs = { out: joinHeads(attended), dq, dk, dv };
  const found = await runOnce(backend, outputs, { ...batches, ...feeds });
  const data = (name: keyof typeof outputs) => toFloat32(found[name] as NdArray);
  return { out: data("out"), dq: data("dq"), dk: data("dk"), dv: data("dv") };
}
