// Progress in residues, or in what else a model reads, with the speed.

import { createProgress } from "./progress.ts";
import type { Progress } from "./progress.ts";

/** What a model reads one of at a time. */
export type ReadUnit = "residues" | "tokens" | "patches" | "intensities";

export interface ResidueProgress extends Pick<Progress, "log" | "stop"> {
  readonly update: (residues: number) => void;
}

/**
 * @param total undefined for input of unknown size, of which the count and the speed alone are told
 * @param start residues that were done before, when a run is resumed
 */
export function showResidues(label: string, total?: number, start = 0, unit: ReadUnit = "residues"): ResidueProgress {
  const beganMs = performance.now();
  const progress = createProgress({ label, unit, start, ...(total !== undefined && { total }) });
  return {
    ...progress,
    update: (residues) => {
      const perSecond = (1000 * (residues - start)) / (performance.now() - beganMs);
      progress.update(residues, { [`${unit}/s`]: Math.round(perSecond) });
    },
  };
}
