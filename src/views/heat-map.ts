/**
 * The table of mutants as a picture: a row for each residue, a column for each position, panels one below the other.
 */

import type { MutantScores } from "../inference/mutants.ts";
import { differenceRamp, type Colour, type Ramp } from "./picture/colours.ts";
import { scaleMarks } from "./picture/panels.ts";
import { QUIET, type Mark, type Picture, type Pixels } from "./picture/picture.ts";

/** Like residues side by side: aliphatic, sulphur, aromatic, positive, negative, amides, hydroxyl, small and rigid. */
const BY_CHEMISTRY = "AVILMCFWYHKRDENQSTGP";

const MARGIN = 10;
/** Room of the residues' letters beside a panel. */
const LETTERS_WIDTH = 12;
/** Room of the heading and the scale of colours. */
const TOP = 72;
const CELL_HEIGHT = 10;
/** Room of the wild type above a panel, and of the positions below it. */
const WILD_TYPE_HEIGHT = 12;
const AXIS_HEIGHT = 26;
/** What the cells of a panel take together. */
const PANEL_WIDTH = 700;
const CELL_WIDTHS = [7, 5, 4, 3, 2, 1] as const;
const MOST_PANELS = 30;
/** Letters need cells of this width. */
const LETTER_WIDTH = 7;
/** Room that the number of a position needs. */
const TICK_WIDTH = 40;
const TICK_STEPS = [10, 20, 50, 100] as const;
/** A few extreme mutants would otherwise leave all others white. */
const SHOWN_SHARE = 0.98;
/** Where all mutants are as good as the wild type, no difference is to look like a large one. */
const LEAST_LIMIT = 0.1;

/** Red: less likely than the wild type. */
const ramp: Ramp = (share) => differenceRamp(1 - share);
const WILD_TYPE: Colour = [64, 64, 64];

/** Up to 35,000 positions stay below 10,000 pixels of height: the longer the protein, the narrower its cells. */
export function heatMapOf(scores: MutantScores): Picture {
  const { id, tokens, residues, wildType, deltaNats } = scores;
  const order = rowOrder(residues);
  const cellWidth = CELL_WIDTHS.find((width) => tokens <= MOST_PANELS * Math.floor(PANEL_WIDTH / width)) ?? 1;
  const inPanel = Math.floor(PANEL_WIDTH / cellWidth);
  const limit = scaleLimit(deltaNats);
  const height = order.length * CELL_HEIGHT;
  const left = MARGIN + LETTERS_WIDTH;
  const marks: Mark[] = headingMarks(id, limit);
  let y = TOP;
  for (let start = 0; start < tokens; start += inPanel) {
    const columns = Math.min(inPanel, tokens - start);
    const centre = (position: number) => left + (position - start + 0.5) * cellWidth;
    y += WILD_TYPE_HEIGHT;
    const pixels = panelPixels(order, columns, (row, column) => {
      const at = start + column;
      if (residues[row] === wildType[at]) return WILD_TYPE;
      return ramp(0.5 + (deltaNats[row * tokens + at] ?? 0) / (2 * limit));
    });
    marks.push({ kind: "image", x: left, y, width: columns * cellWidth, height, pixels });
    for (const [index, row] of order.entries()) {
      const text = residues[row] ?? "";
      marks.push({ kind: "text", x: MARGIN, y: y + (index + 1) * CELL_HEIGHT - 1.5, text });
    }
    for (let at = start; cellWidth >= LETTER_WIDTH && at < start + columns; at++) {
      marks.push({ kind: "text", x: centre(at), y: y - 2.5, text: wildType[at] ?? "", anchor: "middle" });
    }
    for (const at of ticks(start, columns, cellWidth)) {
      const text = String(at + 1);
      marks.push({ kind: "box", x: centre(at) - 0.5, y: y + height, width: 1, height: 3, fill: QUIET });
      marks.push({ kind: "text", x: centre(at), y: y + height + 12, text, anchor: "middle", colour: QUIET });
    }
    y += height + AXIS_HEIGHT;
  }
  const label = `Every single mutant of ${id}: how much more or less likely it is than the wild type`;
  return { label, width: left + PANEL_WIDTH + MARGIN, height: y, marks };
}

function headingMarks(id: string, limit: number): Mark[] {
  const scale = {
    ramp,
    ticks: [
      { share: 0, text: `-${limit.toFixed(1)}` },
      { share: 0.5, text: "0" },
      { share: 1, text: `+${limit.toFixed(1)}` },
    ],
    title: "log p(mutant) - log p(wild type), nats; dark: the wild type",
  };
  return [{ kind: "text", x: MARGIN, y: 24, text: id, size: 15 }, ...scaleMarks(scale, MARGIN, 38)];
}

/** Rows of the table in the order of the picture. */
function rowOrder(residues: readonly string[]): readonly number[] {
  const rows = [...residues.keys()];
  if (!residues.every((letter) => BY_CHEMISTRY.includes(letter))) return rows;
  return rows.toSorted((a, b) => BY_CHEMISTRY.indexOf(residues[a] ?? "") - BY_CHEMISTRY.indexOf(residues[b] ?? ""));
}

/** What has the strongest colours: nearly all differences lie within. */
function scaleLimit(deltaNats: Float32Array): number {
  const sizes = deltaNats.map(Math.abs).filter((size) => size > 0);
  return Math.max(LEAST_LIMIT, sizes.toSorted()[Math.floor(SHOWN_SHARE * (sizes.length - 1))] ?? 0);
}

function panelPixels(
  order: readonly number[],
  columns: number,
  colourAt: (row: number, column: number) => Colour,
): Pixels {
  const rgb = new Uint8Array(3 * order.length * columns);
  for (const [index, row] of order.entries()) {
    for (let column = 0; column < columns; column++) rgb.set(colourAt(row, column), 3 * (index * columns + column));
  }
  return { width: columns, height: order.length, rgb };
}

/** Positions, from 0, that get their number: the first of a panel, and round ones that do not touch it. */
function ticks(start: number, columns: number, cellWidth: number): readonly number[] {
  const step = TICK_STEPS.find((each) => each * cellWidth >= TICK_WIDTH) ?? 100;
  const near = Math.ceil(TICK_WIDTH / 2 / cellWidth);
  const round = Array.from({ length: columns }, (_, column) => start + column).filter(
    (position) => (position + 1) % step === 0 && position - start >= near,
  );
  return [start, ...round];
}
