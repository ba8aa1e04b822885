// Progress in residues, with the speed.

import { createProgress } from "../output/progress.ts";
import type { Progress } from "../output/progress.ts";

export interface ResidueProgress extends Pick<Progress, "stop"> {
  readonly update: (residues: number) => void;
}

/** @param total undefined for input of unknown size, of which the count and the speed alone are told */
export function showResidues(label: string, total?: number): ResidueProgress {
  const beganMs = performance.now();
  const progress = createProgress({ label, unit: "residues", ...(total !== undefined && { total }) });
  return {
    update: (residues) => {
      const perSecond = (1000 * residues) / (performance.now() - beganMs);
      progress.update(residues, { "residues/s": Math.round(perSecond) });
    },
    stop: progress.stop,
  };
}
