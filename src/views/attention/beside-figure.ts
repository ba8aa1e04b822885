/** The heads of two models on the same tokens, row below row. */

import type { AttentionMap } from "../../inference/attention-maps.ts";
import { mean } from "../../statistics/index.ts";
import { formatPercent } from "../../text/numbers.ts";
import { panelsPicture } from "../picture/panels.ts";
import type { Picture } from "../picture/picture.ts";
import { MOST_COLUMNS } from "./maps-figure.ts";
import { attentionScale, mapPixels, type AttentionSubject } from "./subject.ts";

/** The maps of a second model on the same tokens, and how far each head is from its own. */
export interface Beside {
  /** What the first model is called beside the second. */
  readonly firstTitle: string;
  /** The second model's title. */
  readonly title: string;
  readonly maps: readonly AttentionMap[];
  /** For each head, in the order of the maps, the share of its attention that goes elsewhere. */
  readonly differences: readonly number[];
}

/** The mean over all heads. */
export function meanDifference({ differences }: Beside): number {
  return mean(differences);
}

/** Row by row of the model's heads, and those of the other one below each row. */
export function besideFigure(subject: AttentionSubject, beside: Beside): Picture {
  const { firstTitle: title } = beside;
  const { maps } = subject.attention;
  const layers = [...new Set(maps.map(({ layer }) => layer))];
  const columns = Math.min(maps.length / layers.length, MOST_COLUMNS);
  const rowsOf = (of: readonly AttentionMap[], layer: number, titles: readonly string[]) => {
    const panels = of.map((map, index) => ({ title: titles[index] ?? "", pixels: mapPixels(map, subject) }));
    const own = panels.filter((_, index) => of[index]?.layer === layer);
    return Array.from({ length: Math.ceil(own.length / columns) }, (_, row) =>
      own.slice(row * columns, (row + 1) * columns),
    );
  };
  const named = (of: readonly AttentionMap[]) =>
    of.map(({ layer, head, mechanism }) => `${layer}.${head} ${mechanism}`);
  const own = maps.map(({ layer, head }, index) => `${layer}.${head} ${formatPercent(beside.differences[index] ?? 0)}`);
  return panelsPicture({
    label: `Attention of ${title} and of ${beside.title} on ${subject.id}; rows are queries, columns are keys`,
    title: `${title}, and below it ${beside.title}`,
    notes: [
      `On ${subject.id}. First the heads of ${title}, with the share of their attention that goes elsewhere than in ${beside.title} ` +
        `(${formatPercent(meanDifference(beside))} in the mean of all), below them the same heads of ${beside.title}. All panels share the scale.`,
    ],
    groups: layers.flatMap((layer) => {
      const others = rowsOf(beside.maps, layer, named(beside.maps));
      return rowsOf(maps, layer, own).flatMap((row, index) => [row, others[index] ?? []]);
    }),
    columns,
    scale: attentionScale(subject.darkest),
  });
}
