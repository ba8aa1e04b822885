/** All layers and heads as thumbnails. */

import { panelsPicture } from "../picture/panels.ts";
import type { Picture } from "../picture/picture.ts";
import { attentionScale, mapPixels, shortName, type AttentionSubject } from "./subject.ts";

/** More in a row would be smaller than a thumbnail. */
export const MOST_COLUMNS = 8;
/** Tokens of a text that are listed; more would be a text by itself. */
const MOST_LISTED = 64;
const LISTED_LETTERS = 24;

export function mapsFigure(subject: AttentionSubject): Picture {
  const { id, attention, words, count, firstToken, darkest } = subject;
  const { maps, causal } = attention;
  const layers = [...new Set(maps.map(({ layer }) => layer))];
  const columns = Math.min(maps.length / layers.length, MOST_COLUMNS);
  const every = tickStep(count);
  const numbers = [1, ...Array.from({ length: Math.floor(count / every) }, (_, index) => (index + 1) * every)];
  return panelsPicture({
    label: `Attention of every layer and head on ${id}; rows are queries, columns are keys`,
    title: `Attention maps of ${id}, ${count} ${words.units}`,
    notes: [
      `Layer.head, counted from 0. Queries down, keys across, by the number of the ${words.unit}. ${
        causal ? `Causal: no ${words.unit} sees a later one.` : `Bidirectional: every ${words.unit} sees all.`
      } All panels share the scale.`,
      ...listOf(subject),
    ],
    groups: layers.map((layer) =>
      maps
        .filter((map) => map.layer === layer)
        .map((map) => ({ title: `${map.layer}.${map.head} ${map.mechanism}`, pixels: mapPixels(map, subject) })),
    ),
    columns,
    scale: attentionScale(darkest),
    ticks: [...new Set(numbers)].map((number) => ({ at: number - 1 + firstToken, text: `${number}` })),
  });
}

/** Some four ticks on an axis. */
function tickStep(count: number): number {
  return [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500].find((step) => count / step <= 5) ?? 1000;
}

/** What the numbers of a short text stand for: thumbnails have no room for its pieces. */
function listOf(subject: AttentionSubject): readonly string[] {
  const { reads, names, count, words } = subject;
  if (reads !== "text" || count > MOST_LISTED) return [];
  return [`The ${words.units}: ${names.map((_, token) => shortName(subject, token, LISTED_LETTERS)).join(" ")}`];
}
