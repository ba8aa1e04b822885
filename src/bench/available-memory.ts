/**
 * What fits into memory: what certainly does not is refused before it starts, since the system would end the process.
 */

import { formatFixed } from "../text/numbers.ts";

/** Bytes that this process may still take, by the machine and by its control group. */
export function availableBytes(): number {
  return process.availableMemory();
}

/** Something that was not measured, and why. */
export interface Skipped {
  readonly what: string;
  readonly reason: string;
}

/**
 * @param leastBytes what it certainly needs; it may need more
 * @returns undefined when it may fit
 */
export function refusal(what: string, leastBytes: number, available: number): Skipped | undefined {
  if (leastBytes <= available) return undefined;
  const gib = (bytes: number) => `${formatFixed(bytes / 2 ** 30, 1)} GiB`;
  return { what, reason: `needs at least ${gib(leastBytes)} of memory, and ${gib(available)} are free` };
}
