/** The conformance suite: every form, both directions, odd lengths, masks; every feature map in the cases that tell most. */
import { describe, expect, it } from "vitest";
import { favorMechanisms } from "../../src/attention/favor/favor.ts";
import { drawArrays, relativeError, runMechanism } from "./conformance.ts";
import { cases, describeConformance, exactSubject, mapSubjects, perHeadCases } from "./subjects.ts";

describe.each(Object.entries({ favor: mapSubjects.positive, "favor-relu": mapSubjects.relu, exact: exactSubject }))(
  "%s",
  (_, subject) => describeConformance(subject, { ...cases, ...perHeadCases }),
);

// All of them: conformance.slow.test.ts.
const telling = {
  causal: { sizes: { B: 1, H: 2, L: 71, S: 71, D: 5, E: 3, M: 7 }, causal: true },
  cross: { sizes: { B: 2, H: 1, L: 11, S: 37, D: 5, E: 3, M: 7 }, causal: false, realKeys: [37, 17] },
};

describe.each(Object.entries(mapSubjects))("the map %s", (_, subject) => describeConformance(subject, telling));

// Too long for the naive twins; the two forms share no loop.
describe.each(["favor", "favor-relu", "favor-trigonometric"] as const)(
  "%s over several bidirectional chunks",
  (name) => {
    const sizes = { B: 1, H: 2, L: 1061, S: 2099, D: 5, E: 3, M: 31 };
    const near = name === "favor-trigonometric" ? { scale: 0.2, mean: 0.7 } : {};

    it.each([{}, { realKeys: [1031] }, { projection: { perHead: true } }])(
      "is the same in both forms: %j",
      async (more) => {
        const test = { sizes, causal: false, ...near, ...more };
        const mechanism = favorMechanisms[name];
        const arrays = drawArrays(mechanism, test);
        const scanned = await runMechanism(mechanism, { ...test, form: "scan" }, arrays);
        const parallel = await runMechanism(mechanism, { ...test, form: "parallel" }, arrays);
        for (const result of ["out", "dq", "dk", "dv"] as const) {
          const expected = Float64Array.from(parallel[result].data, Number);
          expect(relativeError(scanned[result].data, expected), result).toBeLessThan(1e-4);
        }
      },
    );
  },
);
