/** What a distillation came to, for a terminal. */

import type { VectorFigures } from "../../convert/index.ts";
import { formatFixed, formatPercent } from "../../text/numbers.ts";
import { formatTable } from "../../text/table.ts";

/** @param after undefined where training was interrupted, and nothing measured */
export function formatDistillation(
  before: VectorFigures,
  after: VectorFigures | undefined,
  teacher: VectorFigures["retrieval"],
): string {
  const retrieval = ({ recallAt1, recallAt10, meanReciprocalRank }: VectorFigures["retrieval"]) => [
    formatPercent(recallAt1),
    formatPercent(recallAt10),
    formatFixed(meanReciprocalRank, 3),
  ];
  const row = (name: string, { meanCosine, leastCosine, ...figures }: VectorFigures) => [
    name,
    formatFixed(meanCosine, 3),
    formatFixed(leastCosine, 3),
    ...retrieval(figures.retrieval),
  ];
  return formatTable(
    ["", "cosine with the teacher", "the least", "recall@1", "recall@10", "mean of 1/rank"],
    [
      row("before", before),
      ...(after === undefined ? [] : [row("after", after)]),
      ["teacher", "1", "1", ...retrieval(teacher)],
    ],
  );
}
