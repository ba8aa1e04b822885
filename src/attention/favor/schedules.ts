/** Which graph computes linear attention: by device, direction and length, as measured (docs/performance.md). */
import type { Tensor } from "../../graph/tensor.ts";
import type { ExecutionForm } from "../mechanism.ts";
import { bidirectionalScan, keySumsScan } from "./bidirectional.ts";
import { CAUSAL_CHUNK, causalScan, type LinearAttentionSpec } from "./causal-scan.ts";
import { bidirectionalParallel, causalParallel, keySumsParallel } from "./parallel.ts";

type Attend = (q: Tensor, k: Tensor, v: Tensor, spec: LinearAttentionSpec) => Tensor;

interface Schedule {
  /** The longest sequence of keys that it is the fastest for. */
  readonly upTo: number;
  readonly attend: Attend;
}

type Direction = "causal" | "bidirectional";

const always = (attend: Attend): readonly Schedule[] => [{ upTo: Number.POSITIVE_INFINITY, attend }];

const scans: Readonly<Record<Direction, readonly Schedule[]>> = {
  causal: always((q, k, v, spec) => causalScan(q, k, v, spec, CAUSAL_CHUNK)),
  bidirectional: always((q, k, v, spec) => bidirectionalScan(q, k, v, spec, 1024)),
};

/** Keys up to which a loop over heads costs more than it saves: half a chunk. */
const SHORT = 512;

const schedules: Readonly<Record<ExecutionForm, typeof scans>> = {
  fastest: {
    causal: scans.causal,
    bidirectional: [{ upTo: SHORT, attend: bidirectionalParallel }, ...scans.bidirectional],
  },
  scan: scans,
  parallel: {
    causal: always((q, k, v, spec) => causalParallel(q, k, v, spec, 128)),
    bidirectional: always(bidirectionalParallel),
  },
};

/** The first schedule of the table that reaches the length. */
export function scheduleFor(form: ExecutionForm, causal: boolean, numKeys: number): Attend {
  const table = schedules[form][causal ? "causal" : "bidirectional"];
  return (table.find(({ upTo }) => numKeys <= upTo) as Schedule).attend; // the last one has no end
}

/** The way to sum up keys for queries that come later. */
export function keySumsFor(form: ExecutionForm, numKeys: number): typeof keySumsParallel {
  return form === "scan" || (form === "fastest" && numKeys > SHORT) ? keySumsScan : keySumsParallel;
}
