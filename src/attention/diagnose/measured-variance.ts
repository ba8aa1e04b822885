/** The relative variance of kernel entries as it is: over projections drawn again and again. */
import { matmul } from "../../ops/matmul.ts";
import { mul } from "../../ops/elementwise.ts";
import { compile } from "../../runtime/compile.ts";
import { feedsFor, type Backend } from "../../runtime/backend.ts";
import { createMomentsTable } from "../../statistics/index.ts";
import { underOwnMaximum } from "../favor/maps/features.ts";
import { emptyTable, score, visitPairs, type PairTable, type Pairs } from "./pairs.ts";
import { headsArray, type Heads } from "./sequences.ts";
import { drawnProjections, type MeasuredMechanism } from "./measured-mechanism.ts";

interface MeasureVarianceOptions {
  /** All queries and keys, for maps that measure statistics of the sequence. */
  readonly q: Heads;
  readonly k: Heads;
  readonly pairs: Pairs;
  readonly seed: number;
  readonly redraws: number;
  readonly backend: Backend;
}

/**
 * Relative variances at the subject's number of features: mean over draws of (estimate/kernel − 1)², or, for maps whose
 * kernel has no name, the variance over the squared mean of the draws.
 *
 * Where estimates are ruled by rare draws (predictions far above 1), a few draws show too little: the true value is
 * larger.
 */
export async function measurePairs(subject: MeasuredMechanism, options: MeasureVarianceOptions): Promise<PairTable> {
  const { q, k, pairs, seed, redraws, backend } = options;
  const projections = drawnProjections(subject, q.width, seed, redraws);
  const given = {
    q: headsArray(q),
    k: headsArray(k),
    queries: headsArray(pairs.queries),
    keys: headsArray(pairs.keys),
  };
  const { statistics } = subject.map;
  const own = subject.map.kernel === "own";
  // Of the ratios of an own kernel, and of the squared errors of one that is known.
  const { length } = emptyTable(pairs);
  const moments = createMomentsTable(length);
  const reference = logReferences(subject, pairs);
  for (const [draw, estimate] of (await estimates()).entries()) {
    visitPairs(pairs, (index) => {
      const { product, logScale } = estimate(index);
      // An own kernel is known by its estimates alone; the first one's size keeps the others within float64.
      if (own && draw === 0) reference[index] = Math.log(Math.abs(product)) + logScale;
      const log = reference[index] ?? 0;
      const ratio = product === 0 || log === Number.NEGATIVE_INFINITY ? 0 : product * Math.exp(logScale - log);
      moments.add(index, own ? ratio : (ratio - 1) ** 2);
    });
  }
  return Float64Array.from({ length }, (_, index) => {
    // Pairs that a causal query does not see are not visited.
    if (moments.count(index) === 0) return 0;
    if (!own) return moments.mean(index);
    return moments.count(index) < 2 ? 0 : moments.variance(index) / moments.mean(index) ** 2;
  });

  /** For every draw, φ(x)·φ(y) of a pair as a product of moderate size under a scale. */
  async function estimates() {
    const [first] = projections;
    const { shape: rows } = first ?? { shape: [subject.numFeatures, q.width] };
    await using graph = await compile(
      (tensors) => {
        const measured = statistics?.measure(tensors.q, tensors.k, {});
        const plain = { q: tensors.queries, k: tensors.keys, projection: tensors.projection };
        const adapted = measured && statistics ? statistics.adapt(plain, measured) : plain;
        const x = underOwnMaximum(subject.map.features(adapted.q, adapted.projection));
        const y = underOwnMaximum(subject.map.features(adapted.k, adapted.projection));
        const products = mul(
          matmul(x.features, y.features, { transposeB: true }),
          1 / subject.map.normaliser(subject.numFeatures),
        );
        return { products, ...(x.logScale && y.logScale && { queryScale: x.logScale, keyScale: y.logScale }) };
      },
      { q: given.q.shape, k: given.k.shape, queries: given.queries.shape, keys: given.keys.shape, projection: rows },
      { backend },
    );
    const numKeys = pairs.keys.length;
    const perHead = pairs.queries.length * numKeys;
    const all = [];
    for (const projection of projections) {
      // The whole sequences are read by maps with statistics only.
      const { products, queryScale, keyScale } = await graph.run(feedsFor(graph, { ...given, projection }));
      all.push((index: number) => {
        const query = Math.floor(index / numKeys);
        const key = Math.floor(index / perHead) * numKeys + (index % numKeys);
        return {
          product: Number(products?.data[index]),
          logScale: Number(queryScale?.data[query] ?? 0) + Number(keyScale?.data[key] ?? 0),
        };
      });
    }
    return all;
  }
}

/** The logarithm of the kernel that a map estimates; 0 for those without a name. */
function logReferences(subject: MeasuredMechanism, pairs: Pairs): PairTable {
  const table = emptyTable(pairs);
  const { kernel } = subject.map;
  if (kernel === "own") return table;
  visitPairs(pairs, (index, x, y) => {
    // −‖x − y‖²/2 = x·y − (‖x‖² + ‖y‖²)/2.
    table[index] = score(x, y) - (kernel === "gaussian" ? (score(x, x) + score(y, y)) / 2 : 0);
  });
  return table;
}
