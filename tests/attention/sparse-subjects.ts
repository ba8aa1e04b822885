/** The sparse mechanisms with their twins, at sizes of which no two are the same and none divides a length. */
import { bigbird, drawBlocks } from "../../src/attention/sparse/bigbird.ts";
import { gat } from "../../src/attention/sparse/gat.ts";
import { graph } from "../../src/attention/sparse/graph.ts";
import { local } from "../../src/attention/sparse/local.ts";
import { longformer } from "../../src/attention/sparse/longformer.ts";
import { sparseFixed, sparseStrided } from "../../src/attention/sparse/sparse-transformer.ts";
import { transformerXl } from "../../src/attention/sparse/transformer-xl.ts";
import { naiveGat, naivePatterns, naiveSparse } from "./naive-sparse.ts";
import { createRandom } from "../../src/random/index.ts";
import { matrixOf } from "./conformance.ts";
import type { Subject } from "./subjects.ts";

/**
 * A graph of 163 positions: a ring, some chords, one hub that many read, one position without edges, a repeated edge.
 */
const edges: readonly (readonly [number, number])[] = [
  ...Array.from({ length: 160 }, (_, i) => [i, (i + 1) % 160] as const),
  ...Array.from({ length: 40 }, (_, i) => [3 * i, 4] as const),
  ...randomEdges(101),
  [7, 8],
];

function randomEdges(count: number) {
  const random = createRandom(5, "edges");
  return Array.from({ length: count }, () => [random.integer(160), random.integer(160)] as const);
}

const mutable = edges.map(([from, to]): [number, number] => [from, to]);

const windowed = { window: 23 };
const global = { window: 19, globalTokens: 5 };
const strided = { stride: 13 };
const fixed = { stride: 17, summaryPositions: 3 };
const blocks = { blockSize: 7, windowBlocks: 3, globalBlocks: 2, randomBlocks: 3, seed: 5 };
const segments = { segmentLength: 29, memoryLength: 37 };
const given = { edges: mutable, selfLoops: false };
const alongEdges = naivePatterns.graph(given);
const withLoops = naivePatterns.graph({ ...given, selfLoops: true });

export const sparseSubjects = {
  local: {
    mechanism: local.create(windowed),
    twin: (q, k, v, options) => naiveSparse(naivePatterns.local(windowed), q, k, v, options),
  },
  "local, a window of one": {
    mechanism: local.create({ window: 1 }),
    twin: (q, k, v, options) => naiveSparse(naivePatterns.local({ window: 1 }), q, k, v, options),
  },
  longformer: {
    mechanism: longformer.create(global),
    twin: (q, k, v, options) => naiveSparse(naivePatterns.longformer(global), q, k, v, options),
  },
  "sparse-strided": {
    mechanism: sparseStrided.create(strided),
    twin: (q, k, v, options) => naiveSparse(naivePatterns.sparseStrided(strided), q, k, v, options),
  },
  "sparse-fixed": {
    mechanism: sparseFixed.create(fixed),
    twin: (q, k, v, options) => naiveSparse(naivePatterns.sparseFixed(fixed), q, k, v, options),
  },
  bigbird: {
    mechanism: bigbird.create(blocks),
    twin: (q, k, v, options) => {
      const drawn = drawBlocks(Math.ceil(q.length / blocks.blockSize), options.causal, blocks);
      return naiveSparse(naivePatterns.bigbird(blocks, drawn), q, k, v, options);
    },
  },
  "transformer-xl, gradients into the memory": {
    mechanism: transformerXl.create({ ...segments, memoryGradient: true }),
    twin: (q, k, v, options) => naiveSparse(naivePatterns.transformerXl(segments), q, k, v, options),
  },
  graph: {
    mechanism: graph.create(given),
    twin: (q, k, v, options) => naiveSparse(alongEdges, q, k, v, options),
  },
  gat: {
    mechanism: gat.create({ edges: mutable }),
    twin: (q, k, v, { parameters, head, ...options }) => {
      const vector = (name: string) => matrixOf(parameters[name], q[0]?.length ?? 0, 0)[head] ?? [];
      const weights = { query: vector("queryWeight"), key: vector("keyWeight"), negativeSlope: 0.2 };
      return naiveGat(withLoops, q, k, v, options, weights);
    },
  },
} as const satisfies Readonly<Record<string, Subject>>;
