// A softmax over 100,000 items without a pass over them: normalisers and draws by random features, beside the exact
// ones.
//
// What it shows: a normaliser costs some 30 times less than all products, and memory is hardly more than the items. The
// price is the error, which the temperature decides. With 256 features, normalisers are off by 8 % at temperature 1 and
// by 16 % at 0.5, and draws are spread as they should be, as far as so few tell; but so flat a softmax tells items
// hardly apart. At 0.1, where the nearest 500 of the 100,000 items hold 60 % of the probability, log Z is off by more
// than 2, on average too low by about as much, and only one draw in ten comes from those items. `expected`, what the
// estimates say of their own error, is right where it is small; at 0.5 it means "do not trust this", and no more.
// FAVOR++ ("optimal") changes little here. To find the nearest items, search for them; for a sharp softmax, take exact
// rows.
//
// Run it after `npm run build`:  node examples/retrieval.mjs

import { compile } from "performer-ts";
import { createSoftmax } from "performer-ts/kernels";
import { add, exp, log, matmul, max, mul, sub, sum } from "performer-ts/ops";
import { createRandom } from "performer-ts/random";

const [numItems, numQueries, width, numClusters, numFeatures] = [100_000, 1_000, 64, 200, 256];
const [numChecked, numTop, drawsPerQuery] = [50, 500, 10];

/** Directions near one of the cluster centres, of length 1. @param {string} name @param {number} count */
function nearCentres(name, count) {
  const centres = Array.from({ length: numClusters }, (_, cluster) => normalRow(createRandom(7, "centre", cluster), 1));
  const random = createRandom(7, name);
  const data = new Float32Array(count * width);
  for (let row = 0; row < count; row++) {
    const centre = centres[random.integer(numClusters)] ?? [];
    // Noise three quarters as long as the centre: rows of a cluster meet at a cosine of about 0.64.
    const values = normalRow(random, 0.75).map((noise, i) => noise + (centre[i] ?? 0));
    const norm = Math.hypot(...values);
    data.set(
      values.map((value) => value / norm),
      row * width,
    );
  }
  return { data, dims: [count, width] };
}

/**
 * A Gaussian row of about the given length.
 *
 * @param {import("performer-ts/random").Random} random
 * @param {number} length
 */
function normalRow(random, length) {
  return Array.from({ length: width }, () => (random.normal() * length) / Math.sqrt(width));
}

/** @template T @param {() => Promise<T>} work @returns {Promise<[result: T, elapsedMs: number]>} */
async function timed(work) {
  const start = performance.now();
  const result = await work();
  return [result, performance.now() - start];
}

/** @param {number[]} values */
const rootMeanSquare = (values) => Math.sqrt(mean(values.map((value) => value ** 2)));
/** @param {number[]} values */
const mean = (values) => values.reduce((total, value) => total + value, 0) / values.length;
/** @param {number} value @param {number} digits @param {number} columns */
const cell = (value, digits, columns) => value.toFixed(digits).padStart(columns);

const items = nearCentres("items", numItems);
const queries = nearCentres("queries", numQueries);
const sampleQueries = nearCentres("sample queries", 200);
let memory = { sizeBytes: 0, bytesPerItem: 0 };
const checked = { data: queries.data.subarray(0, numChecked * width), dims: [numChecked, width] };

// What the estimates are compared with: all products, by the same engine, for a sample of the queries.
const everything = await compile(
  ({ queries, items, inverseTemperature }) => {
    const logits = mul(matmul(queries, items, { transposeB: true }), inverseTemperature);
    const largest = max(logits, { axes: [1], keepDims: true });
    return { logits, logNormalizers: add(log(sum(exp(sub(logits, largest)), { axes: [1], keepDims: true })), largest) };
  },
  { queries: checked.dims, items: items.dims, inverseTemperature: [1, 1] },
);

console.log(
  `${numItems} items of width ${width} in ${numClusters} clusters, ${numQueries} queries, ${numFeatures} features`,
);
console.log("temper-  features    error of log Z          build   log Z, ms a query   in the exact top   draw,");
console.log("ature                 rms   mean  expected    s       fast      exact    drawn  exactly      ms");
for (const temperature of [1, 0.5, 0.1]) {
  const feeds = { queries: checked.data, items: items.data, inverseTemperature: Float32Array.of(1 / temperature) };
  const [exact, exactMs] = await timed(() => everything.run(feeds));
  const exactLogs = Array.from(exact.logNormalizers?.data ?? [], Number);
  const rows = exactLogs.map((logNormalizer, query) => {
    const logits = Float32Array.from(
      exact.logits?.data.subarray(query * numItems, (query + 1) * numItems) ?? [],
      Number,
    );
    return { logNormalizer, logits, threshold: logits.toSorted().at(-numTop) ?? Infinity };
  });
  const exactShare = mean(
    rows.map(({ logNormalizer, logits, threshold }) =>
      logits.reduce((total, logit) => (logit >= threshold ? total + Math.exp(logit - logNormalizer) : total), 0),
    ),
  );
  for (const featureMap of /** @type {const} */ (["positive", "optimal"])) {
    const options = {
      featureMap,
      numFeatures,
      temperature,
      seed: 7,
      ...(featureMap === "optimal" && { sampleQueries }),
    };
    const [softmax, buildMs] = await timed(() => createSoftmax(items, options));
    const [estimated, estimatedMs] = await timed(() => softmax.logNormalizers(queries));
    const [drawn, drawnMs] = await timed(() => softmax.sample(queries, drawsPerQuery));
    const errors = exactLogs.map((logNormalizer, query) => Number(estimated.data[query]) - logNormalizer);
    const drawnShare = mean(
      rows.map(({ logits, threshold }, query) => {
        const indices = drawn.indices.subarray(query * drawsPerQuery, (query + 1) * drawsPerQuery);
        return indices.filter((item) => Number(logits[item]) >= threshold).length / drawsPerQuery;
      }),
    );
    console.log(
      `${cell(temperature, 2, 6)}  ${featureMap.padEnd(8)}  ${cell(rootMeanSquare(errors), 3, 6)} ` +
        `${cell(mean(errors), 3, 6)} ` +
        `${cell(rootMeanSquare(Array.from(estimated.relativeErrors)), 3, 9)} ${cell(buildMs / 1000, 1, 7)}  ` +
        `${cell(estimatedMs / numQueries, 3, 8)} ${cell(exactMs / numChecked, 3, 10)}  ` +
        `${cell(100 * drawnShare, 1, 6)} % ${cell(100 * exactShare, 1, 6)} %  ` +
        `${cell(drawnMs / numQueries / drawsPerQuery, 2, 6)}`,
    );
    memory = { sizeBytes: softmax.sizeBytes, bytesPerItem: softmax.bytesPerItem };
    await softmax.dispose();
  }
}
await everything.dispose();
console.log(
  `memory: ${cell(memory.sizeBytes / 2 ** 20, 1, 0)} MiB; ${memory.bytesPerItem} bytes an item, ${4 * width} of ` +
    "them its own numbers " +
    `(a table of all features would take ${4 * numFeatures} more)`,
);
