/** What is compared at one length, in one direction and pass, and how a graph becomes one of those compared. */

import { backpropagate } from "../autodiff/gradients.ts";
import { sizeOf, type Shape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";
import { createRandom, fillNormal } from "../random/index.ts";
import { compile, type Backend } from "../runtime/index.ts";
import type { Contender, Owner } from "./measure.ts";
import type { Pass } from "./products.ts";

/** What a token sees: what came before it, or everything. */
export const directions = ["causal", "bidirectional"] as const;
export type Direction = (typeof directions)[number];

export function directionOf({ causal }: { readonly causal: boolean }): Direction {
  return causal ? "causal" : "bidirectional";
}

/** One sequence: H heads of width D, M features a token. */
export interface AttentionSizes {
  readonly numHeads: number;
  readonly headDim: number;
  readonly numFeatures: number;
}

/** One comparison: everything in it runs in turn. */
export interface AttentionCase extends AttentionSizes {
  readonly seqLen: number;
  readonly causal: boolean;
  readonly pass: Pass;
}

/** q, k, v and the gradient of the output, `[1, H, L, D]`. */
export function headShapes({ numHeads, seqLen, headDim }: AttentionCase) {
  const heads = [1, numHeads, seqLen, headDim];
  return { q: heads, k: heads, v: heads, dOut: heads };
}

/** Compiles a graph and feeds it normal numbers; `runs` keeps what the contenders of one comparison share. */
export type Prepare = <Name extends string>(
  name: string,
  build: (tensors: Readonly<Record<Name, Tensor>>) => Readonly<Record<string, Tensor>>,
  shapes: Readonly<Record<Name, Shape>>,
) => Promise<Contender>;

/** @param owned is given the compiled graphs, to dispose of */
export function createPrepare(backend: Backend, owned: Owner): Prepare {
  const random = createRandom(1, "bench", "attention");
  const drawn = new Map<number, Float32Array>();
  // Equal sizes share one array: what is in it does not matter, and long sequences need much.
  const draw = (shape: Shape) => {
    const size = sizeOf(shape);
    const values = drawn.get(size) ?? fillNormal(random, new Float32Array(size));
    drawn.set(size, values);
    return values;
  };
  return async (name, build, shapes) => {
    const executable = owned.add(await compile(build, shapes, { backend }));
    const feeds = Object.fromEntries(Object.entries(executable.inputs).map(([key, { shape }]) => [key, draw(shape)]));
    return { name, run: () => executable.run(feeds) };
  };
}

/** What a pass computes: the output, and with a backward pass also the gradients of q, k and v. */
export function outputsOf(
  pass: Pass,
  out: Tensor,
  { q, k, v, dOut }: Readonly<Record<"q" | "k" | "v" | "dOut", Tensor>>,
): Record<string, Tensor> {
  if (pass === "forward") return { out };
  const [dq = q, dk = k, dv = v] = backpropagate([out], [dOut], [q, k, v]);
  return { out, dq, dk, dv };
}
