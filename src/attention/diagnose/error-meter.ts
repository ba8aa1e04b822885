/** How far the output of approximate attention lies from that of exact attention, and how well that is known. */
import { ndarray, type NdArray } from "../../graph/ndarray.ts";
import { input } from "../../ops/source.ts";
import { createRandom } from "../../random/index.ts";
import type { Backend } from "../../runtime/backend.ts";
import { compile } from "../../runtime/compile.ts";
import { mean, standardError } from "../../statistics/index.ts";
import { exact } from "../exact.ts";
import { formFor } from "../mechanism.ts";
import { headsArray, type Sequences } from "./sequences.ts";
import { drawnProjections, type MeasuredMechanism } from "./measured-mechanism.ts";

/**
 * ‖out − exact‖ / ‖exact‖ of a head: its mean over draws, and the standard error of that mean.
 *
 * The mean of the norms, not the root of their mean square: now and then a draw has an error many times the usual one,
 * and squares would leave the figure to that draw alone.
 */
export interface MeasuredError {
  /** Infinity where outputs were not finite. */
  readonly error: number;
  /** 0 for maps without a projection. */
  readonly standardError: number;
  /** Projections that were drawn. */
  readonly draws: number;
}

interface DrawCounts {
  /** Drawn in any case. */
  readonly least: number;
  /** Drawn where that does not settle it. */
  readonly most: number;
  /** Whether more draws would change nothing. Default: the error is good to 5 %. */
  readonly isSettled?: (error: MeasuredError) => boolean;
}

/** Measures subjects on the same sequences. */
export interface ErrorMeter {
  /** Measures every head, or the given one alone. */
  readonly measure: (subject: MeasuredMechanism, draws: DrawCounts, head?: number) => Promise<readonly MeasuredError[]>;
}

export interface ErrorMeterOptions extends Sequences {
  readonly causal: boolean;
  readonly seed: number;
  readonly backend: Backend;
}

/** A mean is good when its standard error is at most this share of it. */
const GOOD_SHARE = 0.05;

export async function createErrorMeter(options: ErrorMeterOptions): Promise<ErrorMeter> {
  const { causal, seed, backend } = options;
  const form = formFor(backend.device);
  const given = { q: headsArray(options.q), k: headsArray(options.k), v: headsArray(options.v) };
  const shapes = { q: given.q.shape, k: given.k.shape, v: given.v.shape };
  await using exactly = await compile(({ q, k, v }) => ({ out: exact.apply(q, k, v, { causal, form }) }), shapes, {
    backend,
  });
  const { out: target } = await exactly.run(given);
  return { measure };

  async function measure(subject: MeasuredMechanism, { least, most, isSettled = isGood }: DrawCounts, head?: number) {
    const { q, k, v, wanted } =
      head === undefined
        ? { ...given, wanted: target }
        : {
            q: headOf(given.q, head),
            k: headOf(given.k, head),
            v: headOf(given.v, head),
            wanted: headOf(target, head),
          };
    const { width } = options.q;
    const draw = (round: number, count: number) =>
      drawnProjections(subject, width, createRandom(seed, "diagnose", "round", round).uint32(), count);
    let projections = draw(0, least);
    const projection = input("projection", projections[0]?.shape ?? [subject.numFeatures, width]);
    await using approximate = await compile(
      (tensors) => ({ out: subject.mechanism.apply(tensors.q, tensors.k, tensors.v, { causal, form, projection }) }),
      { q: q.shape, k: k.shape, v: v.shape },
      { backend },
    );
    const errors: (readonly number[])[] = [];
    for (let round = 1; ; round++) {
      for (const drawn of projections) {
        const { out } = await approximate.run({ q, k, v, projection: drawn });
        errors.push(headErrors(out, wanted));
      }
      const means = meansOf(errors);
      // A map without a projection has nothing to draw again.
      if (errors.length >= most || projections.length === 0 || means.every(isSettled)) return means;
      projections = draw(round, Math.min(least, most - errors.length));
    }
  }
}

/** An error that is good to 5 %. */
export function isGood({ error, standardError }: MeasuredError): boolean {
  return standardError <= GOOD_SHARE * error;
}

/** @param draws an array a draw, a number a head */
function meansOf(draws: readonly (readonly number[])[]): readonly MeasuredError[] {
  return (draws[0] ?? []).map((_, head) => {
    const errors = draws.map((each) => each[head] ?? Number.POSITIVE_INFINITY);
    const error = mean(errors);
    const { length } = errors;
    if (!Number.isFinite(error)) return { error: BEYOND, standardError: BEYOND, draws: length };
    return { error, standardError: length < 2 ? 0 : standardError(errors), draws: length };
  });
}

const BEYOND = Number.POSITIVE_INFINITY;

/** One head of `[B, H, L, D]`, as `[B, 1, L, D]`. */
function headOf({ data, shape }: NdArray, head: number): NdArray {
  const [batch = 0, numHeads = 1, length = 0, width = 0] = shape;
  const size = length * width;
  const out = new Float32Array(batch * size);
  for (let b = 0; b < batch; b++) {
    const start = (b * numHeads + head) * size;
    for (let index = 0; index < size; index++) out[b * size + index] = Number(data[start + index]);
  }
  return ndarray(out, [batch, 1, length, width]);
}

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
