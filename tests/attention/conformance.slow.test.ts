/** The whole conformance suite: long and odd lengths, and every feature map in every case that tells about it. */
import { describe, expect, it } from "vitest";
import { favorMechanisms } from "../../src/attention/favor/favor.ts";
import { drawArrays, relativeError, runMechanism } from "./conformance.ts";
import { cases, describeConformance, exactSubject, mapCases, mapSubjects } from "./subjects.ts";

describe.each(Object.entries({ favor: mapSubjects.positive, "favor-relu": mapSubjects.relu, exact: exactSubject }))(
  "%s",
  (_, subject) => describeConformance(subject, cases),
);

const { positive: _positive, relu: _relu, ...others } = mapSubjects; // in conformance.test.ts

describe.each(Object.entries(others))("the map %s", (_, subject) => describeConformance(subject, mapCases));

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
