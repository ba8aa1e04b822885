/** Attention by content in the whole conformance suite, and its causality to the bit. */
import { describe, expect, it } from "vitest";
import { routing } from "../../src/attention/content/routing.ts";
import { ndarray } from "../../src/graph/ndarray.ts";
import { describeNoFuture } from "./causality.ts";
import { centroidsOf, contentSubjects, kMeansObjective, reformerSubject, routingSubject } from "./content.ts";
import { drawArrays, runMechanism } from "./conformance.ts";
import { cases, describeConformance, mapCases } from "./subjects.ts";

describe.each(Object.entries(contentSubjects))("%s", (_, subject) => {
  describeConformance(subject, { ...cases, ...mapCases });
});

describe.each(
  Object.entries({
    reformer: reformerSubject({ numBuckets: 32, numRounds: 2, window: 64 }),
    routing: routingSubject({ numClusters: 16, window: 128 }),
  }),
)("%s as it is by default", (_, subject) => {
  describeConformance(subject, mapCases);
});

describe.each([
  reformerSubject({ numBuckets: 4, numRounds: 2, window: 8 }),
  reformerSubject({ numBuckets: 32, numRounds: 1, window: 64 }),
  routingSubject({ numClusters: 3, window: 16 }),
])("$mechanism.name", ({ mechanism }) => describeNoFuture(mechanism, { cuts: [1, 16, 64, 97, 150] }));

it("centroids come near to the data by steps along their gradient", async () => {
  const mechanism = routing.create({ numClusters: 3, window: 7 });
  const test = { sizes: { B: 2, H: 2, L: 41, S: 41, D: 5, E: 3, M: 7 }, causal: true };
  const arrays = drawArrays(mechanism, test);
  let centroids = centroidsOf(arrays);
  const before = kMeansObjective(arrays, centroids);
  for (let i = 0; i < 8; i++) {
    const { parameters } = await runMechanism(mechanism, test, { ...arrays, parameters: { centroids } });
    const data = Float32Array.from(
      centroids.data as Float32Array,
      (x, at) => x - 8 * Number(parameters["centroids"]?.data[at]),
    );
    centroids = ndarray(data, centroids.shape);
  }
  expect(kMeansObjective(arrays, centroids)).toBeLessThan(0.8 * before);
});
