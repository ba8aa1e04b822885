/** From measured errors to the number of features that a wanted error asks for. */

/** A measured error of the attention output at a number of features. */
export interface ErrorAt {
  readonly numFeatures: number;
  readonly error: number;
}

/** Slopes from here on are taken for the ½ of the law: they are measured to about 0.05 only. */
const LAWFUL_SLOPE = 0.4;

/**
 * The feature count at which the error comes down to the wanted one.
 *
 * error ∝ numFeatures^(−½), the law of independent estimates, holds once their variance is small. Where the error still falls more
 * slowly between the last two measurements, rare features rule it, and that slope is used: it errs towards too many features.
 *
 * @param measured one or more, by ascending number of features
 * @returns null above maxFeatures
 */
export function featuresNeeded(
  measured: readonly ErrorAt[],
  { wantedError, maxFeatures }: { readonly wantedError: number; readonly maxFeatures: number },
): number | null {
  const reached = measured.findIndex(({ error }) => error <= wantedError);
  const from = reached >= 0 ? measured[reached] : measured.at(-1);
  if (from === undefined || !Number.isFinite(from.error)) return null;
  const slope = reached >= 0 ? 0.5 : fallOf(measured);
  const least = measured[reached - 1]?.numFeatures ?? 1;
  if (!(slope > 0)) return null;
  const needed = Math.max(least, Math.ceil(from.numFeatures * (from.error / wantedError) ** (1 / slope)));
  return needed <= maxFeatures ? needed : null;
}

/** Whether the error has come down to the wanted one, or falls as the law says. */
export function isSettled(measured: readonly ErrorAt[], wantedError: number): boolean {
  const last = measured.at(-1);
  return last === undefined || last.error <= wantedError || (measured.length > 1 && fallOf(measured) === 0.5);
}

/** −d log error / d log numFeatures between the last two measurements, ½ where it is near to that, and of a single one. */
function fallOf(measured: readonly ErrorAt[]): number {
  const [few, many] = measured.slice(-2);
  if (few === undefined || many === undefined) return 0.5;
  const slope = Math.log(few.error / many.error) / Math.log(many.numFeatures / few.numFeatures);
  return slope >= LAWFUL_SLOPE ? 0.5 : slope;
}
