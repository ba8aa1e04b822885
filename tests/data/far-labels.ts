/**
 * Labels far from zero, as of retention indices and of melting points in kelvin. Made for this project; the values are
 * invented.
 */

import { createRandom } from "../../src/random/index.ts";

/** Mean and spread of the labels. */
export const farLabels = {
  "retention index": { centre: 20_000, deviation: 5.6 },
  kelvin: { centre: 330, deviation: 3.3 },
  "a million and one": { centre: 1e6, deviation: 1 },
} as const;

/** Normal numbers around a centre, with three decimals as tables have them. */
export function drawLabels({ centre, deviation }: { centre: number; deviation: number }, count: number): number[] {
  const random = createRandom(47, "labels", centre);
  return Array.from({ length: count }, () => Number((centre + deviation * random.normal()).toFixed(3)));
}

/**
 * A table of short proteins whose label lies the higher, the more lysine they have. Test labels lie half a deviation
 * above those of training, so that the mean of these predicts badly.
 */
export function farTable(which: keyof typeof farLabels, rows = 90): string {
  const { centre, deviation } = farLabels[which];
  const noise = drawLabels({ centre: 0, deviation: deviation / 3 }, rows);
  const random = createRandom(53, "sequences", which);
  const lines = noise.map((own, row) => {
    const split = ["train", "train", "train", "valid", "test"][row % 5] ?? "";
    const lysines = random.integer(11);
    const rest = Array.from({ length: 12 - lysines }, () => "AGSTVL".charAt(random.integer(6))).join("");
    const label = centre + ((lysines - 5) / 3.2) * deviation + own + (split === "test" ? deviation / 2 : 0);
    return `P${row},M${"K".repeat(lysines)}${rest},${label.toFixed(3)},${split}`;
  });
  return ["id,sequence,label,split", ...lines].join("\n");
}
