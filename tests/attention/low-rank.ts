/** Attention by sums and mixtures of keys, with the twins of each. */
import { refuseCausal } from "../../src/attention/bidirectional-only.ts";
import { cosformer } from "../../src/attention/cosformer.ts";
import { efficient } from "../../src/attention/efficient.ts";
import { linear } from "../../src/attention/linear.ts";
import { linformer } from "../../src/attention/linformer.ts";
import { naiveCosformer, naiveEfficient, naiveLinear, naiveLinformer, naiveNystrom } from "./naive-low-rank.ts";
import { nystrom } from "../../src/attention/nystrom.ts";
import { present } from "../model/harness.ts";
import { matrixOf, type NaiveTwin } from "./conformance.ts";
import type { Subject } from "./subjects.ts";

const MAX_LENGTH = 317;

/** All heads share the projections. */
const linformerTwin: NaiveTwin = (q, k, v, { parameters: { keyProjection, valueProjection }, ...options }) => {
  const width = keyProjection?.shape[1] ?? 0;
  const E = matrixOf(keyProjection, width, 0);
  return naiveLinformer({ E, F: valueProjection ? matrixOf(valueProjection, width, 0) : E }, q, k, v, options);
};

function nystromSubject(numLandmarks: number, inverseIterations: number): Subject {
  return {
    mechanism: nystrom.create({ numLandmarks, inverseIterations }),
    twin: (q, k, v, options) => naiveNystrom(q, k, v, { ...options, numLandmarks, iterations: inverseIterations }),
  };
}

export const lowRankSubjects = {
  linear: { mechanism: linear, twin: naiveLinear },
  cosformer: {
    mechanism: cosformer.create({ maxLength: MAX_LENGTH }),
    twin: (q, k, v, options) => naiveCosformer(MAX_LENGTH, q, k, v, options),
  },
  efficient: { mechanism: efficient, twin: naiveEfficient },
  linformer: { mechanism: linformer.create({ projectedLength: 13, shareKeyValue: false }), twin: linformerTwin },
  "linformer, one projection": { mechanism: linformer.create({ projectedLength: 13 }), twin: linformerTwin },
  nystrom: nystromSubject(7, 6),
  "nystrom, more landmarks than tokens in short sequences": nystromSubject(71, 4),
} as const satisfies Record<string, Subject>;

/** The mechanism by way of its summary, in place of `apply`. */
export function bySummary(subject: Subject): Subject {
  const { mechanism } = subject;
  const { summarise, read } = present(mechanism.summarised);
  return {
    ...subject,
    mechanism: {
      ...mechanism,
      refuse: (use) => refuseCausal(use) ?? mechanism.refuse?.(use),
      apply: (q, k, v, options) => read(q, summarise(k, v, options), options),
    },
  };
}
