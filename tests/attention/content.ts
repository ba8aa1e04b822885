/** Attention by content as the conformance suite takes it. */
import type { AttentionMechanism } from "../../src/attention/mechanism.ts";
import { reformer } from "../../src/attention/content/reformer.ts";
import { routing } from "../../src/attention/content/routing.ts";
import { naiveKMeansObjective, naiveReformer, naiveRouting } from "./naive-content.ts";
import { ndarray, type NdArray } from "../../src/graph/ndarray.ts";
import { mapValues } from "../../src/graph/records.ts";
import { stopGradient } from "../../src/ops/source.ts";
import { matrixOf, type Arrays } from "./conformance.ts";
import type { Subject } from "./subjects.ts";

export function reformerSubject(options: { numBuckets: number; numRounds: number; window: number }): Subject {
  return {
    mechanism: reformer.create(options),
    twin: (q, _k, v, { projection, ...more }) => naiveReformer(q, v, projection, { ...more, ...options }),
  };
}

/** Centroids get the gradient of an objective of their own, which is not that of the output: tested apart. */
export function routingSubject(options: { numClusters: number; window: number }): Subject {
  const mechanism = routing.create(options);
  const withFixedCentroids: AttentionMechanism = {
    ...mechanism,
    apply: (q, k, v, given) =>
      mechanism.apply(q, k, v, { ...given, parameters: mapValues(given.parameters ?? {}, stopGradient) }),
  };
  return {
    mechanism: withFixedCentroids,
    twin: (q, _k, v, { parameters, head, ...more }) =>
      naiveRouting(q, v, matrixOf(parameters["centroids"], q[0]?.length ?? 0, head), { ...more, ...options }),
  };
}

export const contentSubjects = {
  "reformer, one round": reformerSubject({ numBuckets: 6, numRounds: 1, window: 11 }),
  "reformer, three rounds, buckets longer than the window": reformerSubject({ numBuckets: 2, numRounds: 3, window: 7 }),
  routing: routingSubject({ numClusters: 5, window: 11 }),
  "routing, one cluster": routingSubject({ numClusters: 1, window: 13 }),
} as const satisfies Readonly<Record<string, Subject>>;

export function centroidsOf({ parameters }: Arrays): NdArray {
  return parameters?.["centroids"] ?? ndarray(new Float32Array(0), [0]);
}

/** What centroids are trained for, summed over heads; queries `[B, H, L, D]`, all of them real. */
export function kMeansObjective({ q }: Arrays, centroids: NdArray): number {
  const [B = 0, H = 0, L = 0, D = 0] = q.shape;
  return Array.from({ length: H }, (_, h) => {
    const sequences = Array.from({ length: B }, (_, b) =>
      matrixOf(
        ndarray(Float32Array.from(q.data as Float32Array).slice((b * H + h) * L * D, (b * H + h + 1) * L * D), [L, D]),
        D,
        0,
      ),
    );
    return naiveKMeansObjective(sequences, matrixOf(centroids, D, h));
  }).reduce((a, b) => a + b, 0);
}
