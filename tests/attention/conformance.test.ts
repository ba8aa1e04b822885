/**
 * The conformance suite in short: every form, both directions, masks, every feature map; all of it is in
 * conformance.slow.test.ts.
 */
import { describe } from "vitest";
import { describeConformance, exactSubject, mapCases, mapSubjects } from "./subjects.ts";

describe.each(Object.entries({ favor: mapSubjects.positive, exact: exactSubject }))("%s", (_, subject) =>
  describeConformance(subject, mapCases),
);

const telling = {
  causal: { sizes: { B: 1, H: 2, L: 71, S: 71, D: 5, E: 3, M: 7 }, causal: true },
  cross: { sizes: { B: 2, H: 1, L: 11, S: 37, D: 5, E: 3, M: 7 }, causal: false, realKeys: [37, 17] },
};

describe.each(Object.entries(mapSubjects))("the map %s", (_, subject) => describeConformance(subject, telling));
