// All layers and heads as thumbnails.

import { panelsPicture } from "../picture/panels.ts";
import type { Picture } from "../picture/picture.ts";
import { attentionScale, mapPixels } from "./subject.ts";
import type { AttentionSubject } from "./subject.ts";

/** More in a row would be smaller than a thumbnail. */
const MOST_COLUMNS = 8;

export function mapsFigure(subject: AttentionSubject): Picture {
  const { id, attention, residues, firstResidue, darkest } = subject;
  const { maps, causal } = attention;
  const layers = [...new Set(maps.map(({ layer }) => layer))];
  const columns = Math.min(maps.length / layers.length, MOST_COLUMNS);
  const every = tickStep(residues);
  const numbers = [1, ...Array.from({ length: Math.floor(residues / every) }, (_, index) => (index + 1) * every)];
  return panelsPicture({
    label: `Attention of every layer and head on ${id}; rows are queries, columns are keys`,
    title: `Attention maps of ${id}, ${residues} residues`,
    notes: [
      `Layer.head, counted from 0. Queries down, keys across, by the number of the residue. ${
        causal ? "Causal: no residue sees a later one." : "Bidirectional: every residue sees all."
      } All panels share the scale.`,
    ],
    groups: layers.map((layer) =>
      maps
        .filter((map) => map.layer === layer)
        .map((map) => ({ title: `${map.layer}.${map.head} ${map.mechanism}`, pixels: mapPixels(map, subject) })),
    ),
    columns,
    scale: attentionScale(darkest),
    ticks: numbers.map((number) => ({ at: number - 1 + firstResidue, text: `${number}` })),
  });
}

/** Some four ticks on an axis. */
function tickStep(residues: number): number {
  return [10, 20, 25, 50, 100, 200, 250, 500].find((step) => residues / step <= 5) ?? 1000;
}
