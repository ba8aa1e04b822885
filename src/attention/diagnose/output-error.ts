/** How far the output of approximate attention lies from that of exact attention. */
import { ndarray, type NdArray } from "../../graph/ndarray.ts";
import { input } from "../../ops/source.ts";
import type { Backend } from "../../runtime/backend.ts";
import { compile } from "../../runtime/compile.ts";
import { exact } from "../exact.ts";
import { formFor } from "../mechanism.ts";
import { headsArray, type Heads } from "./sequences.ts";
import { drawnProjections, type Subject } from "./subject.ts";

/** Measures subjects on the same sequences. */
export interface ErrorMeter {
  /** ‖out − exact‖ / ‖exact‖ of every head, mean over draws; Infinity where outputs are not finite. */
  readonly measure: (subject: Subject, redraws: number) => Promise<readonly number[]>;
}

export interface ErrorMeterOptions {
  readonly q: Heads;
  readonly k: Heads;
  readonly v: Heads;
  readonly causal: boolean;
  readonly seed: number;
  readonly backend: Backend;
}

export async function createErrorMeter(options: ErrorMeterOptions): Promise<ErrorMeter> {
  const { causal, seed, backend } = options;
  const given = { q: headsArray(options.q), k: headsArray(options.k), v: headsArray(options.v) };
  const shapes = { q: given.q.shape, k: given.k.shape, v: given.v.shape };
  const form = formFor(backend.device);
  await using exactly = await compile(({ q, k, v }) => ({ out: exact.apply(q, k, v, { causal, form }) }), shapes, {
    backend,
  });
  const { out: target = EMPTY } = await exactly.run(given);
  return {
    measure: async (subject, redraws) => {
      const projections = drawnProjections(subject, options.q.width, seed, redraws);
      const projection = input("projection", projections[0]?.shape ?? [subject.numFeatures, options.q.width]);
      await using approximate = await compile(
        ({ q, k, v }) => ({ out: subject.mechanism.apply(q, k, v, { causal, form, projection }) }),
        shapes,
        { backend },
      );
      const totals = new Float64Array(options.q.numHeads);
      for (const drawn of projections) {
        const { out = EMPTY } = await approximate.run({ ...given, projection: drawn });
        headErrors(out, target).forEach((error, head) => (totals[head] = (totals[head] ?? 0) + error));
      }
      return Array.from(totals, (total) => total / projections.length);
    },
  };
}

const EMPTY: NdArray = ndarray(new Float32Array(0), [0, 0, 0, 0]);

/** ‖out − target‖ / ‖target‖ of every head of `[B, H, L, E]`, over all sequences together. */
function headErrors(out: NdArray, target: NdArray): readonly number[] {
  const [, numHeads = 1, length = 0, width = 0] = target.shape;
  const differences = new Float64Array(numHeads);
  const norms = new Float64Array(numHeads);
  for (let index = 0; index < target.data.length; index++) {
    const head = Math.floor(index / (length * width)) % numHeads;
    const wanted = Number(target.data[index]);
    differences[head] = (differences[head] ?? 0) + (Number(out.data[index]) - wanted) ** 2;
    norms[head] = (norms[head] ?? 0) + wanted ** 2;
  }
  return Array.from(differences, (difference, head) => {
    if (difference === 0) return 0;
    const error = Math.sqrt(difference / (norms[head] ?? 0));
    return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  });
}
