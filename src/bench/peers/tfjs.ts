/**
 * TensorFlow.js on its wasm backend, where the user has installed it: the textbook's bidirectional FAVOR+, and exact
 * attention.
 */

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { sizeOf } from "../../graph/shape.ts";
import { createRandom, fillNormal } from "../../random/index.ts";
import type { AttentionCase } from "../contender.ts";
import type { Contender } from "../measure.ts";
import { PEER_BUDGET_MS, type LoadPeer } from "./peer.ts";

const packages = ["@tensorflow/tfjs", "@tensorflow/tfjs-backend-wasm"] as const;

/** Exact attention holds three matrices of `[L, L]` a head, and wasm can address 4 GiB. */
const LARGEST_SCORES_BYTES = 2 ** 32 / 4;

const tfjsNames = { favor: "tfjs wasm favor", exact: "tfjs wasm exact" } as const;

/** What of TensorFlow.js is used here. */
interface TfTensor {
  readonly data: () => Promise<unknown>;
  readonly dispose: () => void;
}
interface Tf {
  readonly setBackend: (name: string) => Promise<boolean>;
  readonly ready: () => Promise<void>;
  readonly tensor: (values: Float32Array, shape: readonly number[]) => TfTensor;
  readonly tidy: (compute: () => TfTensor) => TfTensor;
  readonly matMul: (a: TfTensor, b: TfTensor) => TfTensor;
  readonly transpose: (x: TfTensor) => TfTensor;
  readonly stack: (tensors: readonly TfTensor[]) => TfTensor;
  readonly add: (a: TfTensor, b: TfTensor | number) => TfTensor;
  readonly sub: (a: TfTensor, b: TfTensor) => TfTensor;
  readonly mul: (a: TfTensor, b: TfTensor | number) => TfTensor;
  readonly div: (a: TfTensor, b: TfTensor) => TfTensor;
  readonly exp: (x: TfTensor) => TfTensor;
  readonly square: (x: TfTensor) => TfTensor;
  readonly sum: (x: TfTensor, axis: readonly number[], keepDims: boolean) => TfTensor;
  readonly max: (x: TfTensor, axis: readonly number[], keepDims: boolean) => TfTensor;
  readonly softmax: (x: TfTensor) => TfTensor;
}

/** From the folder the command runs in, or from where this package is installed. */
const places = () => [pathToFileURL(join(process.cwd(), "package.json")).href, import.meta.url];

export const loadTfjs: LoadPeer = () => tfjsFrom(places());

/** @param from addresses of modules that might import it */
export async function tfjsFrom(from: readonly string[]): ReturnType<LoadPeer> {
  const found = from.map(resolveAll).find((paths) => paths !== undefined);
  if (found === undefined) return { reason: `not installed; npm install --no-save ${packages.join(" ")}` };
  // CommonJS modules, whose exports are the default one; what is used of them is typed above. The second one registers
  // itself.
  const loaded: readonly { readonly default: Tf }[] = await Promise.all(
    found.map((path) => import(pathToFileURL(path).href)),
  );
  const [{ default: tf }] = loaded as readonly [{ readonly default: Tf }];
  await tf.setBackend("wasm");
  await tf.ready();
  return {
    contenders: async (each, owned) => {
      if (each.causal || each.pass !== "forward") return [];
      const { heads, projection } = drawTensors(tf, each);
      const drawn = [...heads.flatMap(({ q, k, v }) => [q, k, v]), projection];
      owned.add({ [Symbol.asyncDispose]: async () => drawn.forEach((tensor) => tensor.dispose()) });
      const ofHeads = (name: string, attend: (head: Head) => TfTensor) =>
        contender(tf, name, () => tf.stack(heads.map(attend)));
      const { headDim } = each;
      const exactFits = 4 * each.seqLen ** 2 <= LARGEST_SCORES_BYTES;
      return [
        ofHeads(tfjsNames.favor, (head) => favor(tf, head, projection, headDim)),
        ...(exactFits ? [ofHeads(tfjsNames.exact, (head) => exact(tf, head, headDim))] : []),
      ];
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function resolveAll(from: string): readonly string[] | undefined {
  try {
    return packages.map((name) => createRequire(from).resolve(name));
  } catch {
    return undefined;
  }
}

/**
 * Matrices `[L, D]`: products of batches, or of transposed operands, take the backend's slow path, ten times as long.
 */
type Head = Readonly<Record<"q" | "k" | "v", TfTensor>>;

/** The projection is `[D, M]`. */
function drawTensors(tf: Tf, { numHeads, seqLen, headDim, numFeatures }: AttentionCase) {
  const random = createRandom(1, "bench", "tfjs");
  const draw = (...shape: number[]) => tf.tensor(fillNormal(random, new Float32Array(sizeOf(shape))), shape);
  const matrix = () => draw(seqLen, headDim);
  const heads = Array.from({ length: numHeads }, (): Head => ({ q: matrix(), k: matrix(), v: matrix() }));
  return { heads, projection: draw(headDim, numFeatures) };
}

function contender(tf: Tf, name: string, compute: () => TfTensor): Contender {
  return {
    name,
    budgetMs: PEER_BUDGET_MS,
    run: async () => {
      const out = tf.tidy(compute);
      // Reading is what makes sure that it has been computed.
      await out.data();
      out.dispose();
    },
  };
}

/** φ(x) = exp(ωx − ‖x‖²/2 − max) + ε; out = φ(q) (φ(k)ᵀ v) / φ(q) Σ φ(k), as in the authors' code. */
function favor(tf: Tf, { q, k, v }: Head, projection: TfTensor, headDim: number): TfTensor {
  const features = (x: TfTensor, axes: readonly number[]) => {
    const scaled = tf.mul(x, headDim ** -0.25);
    const projected = tf.matMul(scaled, projection);
    const halfSquares = tf.mul(tf.sum(tf.square(scaled), [1], true), 0.5);
    return tf.add(tf.exp(tf.sub(tf.sub(projected, halfSquares), tf.max(projected, axes, true))), 1e-6);
  };
  const [queries, keys] = [features(q, [1]), features(k, [0, 1])];
  const sums = tf.matMul(queries, tf.matMul(tf.transpose(keys), v));
  const total = tf.matMul(queries, tf.transpose(tf.sum(keys, [0], true)));
  return tf.div(sums, total);
}

function exact(tf: Tf, { q, k, v }: Head, headDim: number): TfTensor {
  return tf.matMul(tf.softmax(tf.matMul(tf.mul(q, headDim ** -0.5), tf.transpose(k))), v);
}
