/**
 * Gradients of causal attention over a long sequence in parts: memory holds the arrays, the states between parts, and
 * one part.
 */
import { backpropagate } from "../autodiff/gradients.ts";
import { toFloat32, zeros, type NdArray } from "../graph/ndarray.ts";
import { mapValues, renamed } from "../graph/records.ts";
import type { Tensor } from "../graph/tensor.ts";
import { input } from "../ops/source.ts";
import { feedsFor, type Executable } from "../runtime/backend.ts";
import type { PreparedAttention } from "./attend.ts";
import type { GradientBatches } from "./batch.ts";
import { joinHeads, splitHeads } from "./heads.ts";
import type { RecurrentForm } from "./mechanism.ts";

/**
 * What a part's graph reads beside q, k, v and dOut, and gives beside the gradients by them, each before a state's
 * name.
 */
const NEXT = "next.";
const GRADIENT = "gradient.";
const GRADIENT_OF_NEXT = "gradientOfNext.";

type Feeds = Readonly<Record<string, NdArray | Float32Array | undefined>>;
type Found = Record<"out" | "dq" | "dk" | "dv", Float32Array>;

/** One sequence of the batch after another, for the rows of one lie side by side in memory. */
export async function gradientsInParts(
  prepared: PreparedAttention,
  batches: GradientBatches,
  segmentLength: number,
): Promise<Found> {
  const { q, k, v, dOut } = batches;
  const [batch, length] = q.shape;
  const found: Found = {
    out: new Float32Array(dOut.data.length),
    dq: new Float32Array(q.data.length),
    dk: new Float32Array(k.data.length),
    dv: new Float32Array(v.data.length),
  };
  await using graphs = createPartGraphs(prepared, batches);
  for (let b = 0; b < batch; b++) {
    const starts = Array.from({ length: Math.ceil(length / segmentLength) }, (_, index) => index * segmentLength);
    const parts = starts.map((start) => {
      const end = Math.min(start + segmentLength, length);
      const rows = (data: Float32Array) => {
        const width = data.length / (batch * length);
        return data.subarray((b * length + start) * width, (b * length + end) * width);
      };
      return { length: end - start, rows, given: { q: rows(q.data), k: rows(k.data), v: rows(v.data) } };
    });
    const states: Feeds[] = [graphs.initial];
    for (const [index, { length, rows, given }] of parts.entries()) {
      const part = await graphs.forward(length, { ...given, ...states[index] });
      keep(part, { out: rows(found.out) });
      states.push(renamed(part, NEXT, ""));
    }
    let ofNext: Feeds = graphs.noGradient;
    for (const [index, { length, rows, given }] of [...parts.entries()].toReversed()) {
      const feeds = { ...given, dOut: rows(dOut.data), ...states[index], ...ofNext };
      const part = await graphs.backward(length, feeds);
      keep(part, { dq: rows(found.dq), dk: rows(found.dk), dv: rows(found.dv) });
      ofNext = renamed(part, GRADIENT, GRADIENT_OF_NEXT);
    }
  }
  return found;
}

/** Copies results of a part to their places in the whole. */
function keep(part: Readonly<Record<string, NdArray>>, places: Readonly<Record<string, Float32Array>>): void {
  for (const [name, place] of Object.entries(places)) place.set(toFloat32(part[name] as NdArray)); // all are outputs
}

/** The graphs of a part, compiled once for each length: at most two, for all parts but the last are equally long. */
function createPartGraphs(
  { mechanism, numHeads, backend, options, feeds }: PreparedAttention,
  { q, k, v }: GradientBatches,
) {
  // Parts are asked for only where a mechanism has a state.
  const recurrent = mechanism.recurrent as RecurrentForm;
  const sizes = { D: q.shape[2] / numHeads, E: v.shape[2] / numHeads, M: options.projection?.shape.at(-2) ?? 0 };
  const initial = recurrent.initialState({ B: 1, H: numHeads, ...sizes });
  const differentiable = <T>(state: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(state).filter(([name]) => recurrent.differentiable.includes(name)));
  const trace = (length: number) => {
    const sequence = (name: string, width: number) => input(name, [1, length, width]);
    const heads = (x: Tensor) => splitHeads(x, numHeads);
    const tensors = { q: sequence("q", q.shape[2]), k: sequence("k", k.shape[2]), v: sequence("v", v.shape[2]) };
    const before = Object.fromEntries(Object.entries(initial).map(([name, { shape }]) => [name, input(name, shape)]));
    const part = recurrent.extend(heads(tensors.q), heads(tensors.k), heads(tensors.v), before, options);
    return { tensors, before, part, dOut: heads(sequence("dOut", v.shape[2])) };
  };
  const forward = (length: number): Record<string, Tensor> => {
    const { part } = trace(length);
    return { out: joinHeads(part.out), ...renamed(part.state, "", NEXT) };
  };
  const backward = (length: number): Record<string, Tensor> => {
    const { tensors, before, part, dOut } = trace(length);
    const carried = differentiable<Tensor>(before);
    const next = Object.keys(carried).map((name) => part.state[name] as Tensor); // the same names behind the part
    const ofNext = Object.entries(carried).map(([name, { shape }]) => input(GRADIENT_OF_NEXT + name, shape));
    const by = { ...tensors, ...renamed(carried, "", GRADIENT) };
    const found = backpropagate([part.out, ...next], [dOut, ...ofNext], Object.values(by));
    return Object.fromEntries(
      Object.keys(by).map((name, index) => {
        const gradient = found[index] as Tensor; // attention depends on all of them
        return [name in tensors ? `d${name}` : name, gradient];
      }),
    );
  };
  const compiled = new Map<string, Promise<Executable>>();
  const run = async (kind: string, build: typeof forward, length: number, given: Feeds) => {
    const key = `${kind} ${length}`;
    const known = compiled.get(key) ?? backend.compile({ outputs: build(length) });
    compiled.set(key, known);
    const executable = await known;
    return executable.run(feedsFor(executable, { ...feeds, ...given }));
  };
  return {
    initial,
    /** The gradient by the state behind the last part, which nothing reads. */
    noGradient: renamed(
      mapValues(differentiable(initial), ({ shape }) => zeros(shape)),
      "",
      GRADIENT_OF_NEXT,
    ),
    forward: (length: number, given: Feeds) => run("forward", forward, length, given),
    backward: (length: number, given: Feeds) => run("backward", backward, length, given),
    [Symbol.asyncDispose]: async () => {
      for (const executable of compiled.values()) await (await executable).dispose();
    },
  };
}
