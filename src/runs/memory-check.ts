/** Refuses a run that would not fit into memory before it starts, and names settings with which it would. */

import { problem } from "../graph/errors.ts";
import { estimateMemory, type MemoryQuestion } from "../training/memory.ts";
import { waysToFit, type WayToFit } from "../training/memory-advice.ts";
import { UsageError } from "./usage.ts";
import type { MemoryLimit } from "../runtime/node-memory.ts";
import { formatBytes } from "../text/numbers.ts";

/**
 * @returns what the run takes, in words: "about 1.2 GB of 24 GB"
 * @throws UsageError when that is more than the limit, with every way that makes it fit
 */
export function checkMemory(question: MemoryQuestion, limit: MemoryLimit): string {
  const { totalBytes } = estimateMemory(question);
  const need = `about ${formatBytes(totalBytes)} of the ${formatBytes(limit.bytes)} of ${limit.setBy}`;
  if (totalBytes <= limit.bytes) return need;
  const ways = waysToFit(question, limit.bytes).map(describeWay);
  const fix =
    ways.length > 0
      ? `set ${ways.join(", or ")}`
      : "make the model smaller: no other way of executing the same one fits";
  throw new UsageError(
    problem`the run must fit in memory, got one that needs ${need}; ${fix}; --ignore-memory starts it as it is`,
  );
}

/** "training.gradientCheckpointing to blocks and training.tokensPerBatch to 512 (about 1.2 GB)". */
function describeWay({ settings, totalBytes }: WayToFit): string {
  const changes = Object.entries(settings).map(([key, value]) => `training.${key} to ${value}`);
  return `${changes.join(" and ")} (about ${formatBytes(totalBytes)})`;
}
