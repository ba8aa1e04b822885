/** Pathfinder: two discs among dashed paths; are they the ends of one path? */
import { requirePositiveInteger } from "../../graph/arguments.ts";
import { DataError } from "../errors.ts";
import { encodePixels, imageVocabulary } from "../vocabularies/pixels.ts";
import { generateBalanced, type GeneratorOptions } from "./balanced.ts";
import type { Random } from "../../random/index.ts";
import type { LabelledImageDataset } from "../images/datasets.ts";

/** Options of Pathfinder images. */
export interface PathfinderOptions extends GeneratorOptions {
  /** The side of the grey square. Default 32, which makes 1,024 tokens. */
  readonly size?: number;
  /**
   * Dashes of each of the two long paths, 3 pixels and a gap each, at least 3. Default 6: almost the width of the
   * image.
   */
  readonly numDashes?: number;
  /** Short paths of a third of the dashes. Default 5. */
  readonly numDistractors?: number;
}

/** Pixels of a dash. */
const DASH_LENGTH = 3;
/** A dash turns by at most this from the one before it, in radians: the paths stay smooth enough to be followed. */
const MAX_TURN = 0.6;
/** Two pixels of different paths are at least so far apart (Chebyshev); those around a gap of one path at most 2. */
const MIN_DISTANCE = 3;
/** Attempts to place a path before the image is begun anew, and to finish an image. */
const PATH_ATTEMPTS = 60;
const IMAGE_ATTEMPTS = 200;
/** The ends of a long path are at least so far apart (Chebyshev), so that its discs do not touch, in either class. */
const MIN_SPAN = 7;

/** A 5 × 5 square without its corners, around the end of a path: 21 pixels, which no dash can fill. */
const disc = Array.from({ length: 25 }, (_, i) => ({ dx: (i % 5) - 2, dy: Math.floor(i / 5) - 2 })).filter(
  ({ dx, dy }) => Math.abs(dx) + Math.abs(dy) < 4,
);

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Path {
  readonly pixels: readonly Point[];
  readonly ends: readonly [Point, Point];
}

/**
 * Generates Pathfinder images: two classes, 0 "apart" and 1 "connected", as many of each.
 *
 * A re-creation, not the published files. Two long dashed paths, the short ones, and two discs, white on black.
 * Connected: the discs are the ends of one long path, and the other has none. Apart: each long path has one at one end.
 * Dashes of a path leave one pixel free between them, different paths at least two everywhere; so the label is that of
 * the image alone: the discs are connected if and only if steps of at most 2 pixels lead from one to the other on
 * white. The paper took 160,000, 20,000 and 20,000 images.
 *
 * Source: the task of arXiv:1805.08315 at the size of Long Range Arena, arXiv:2011.04006.
 *
 * @throws DataError when a size is not one, and when paths of these sizes do not find room
 */
export function generatePathfinder(options: PathfinderOptions): LabelledImageDataset {
  const who = "generatePathfinder";
  const { size = 32, numDashes = 6, numDistractors = 5 } = options;
  requirePositiveInteger(who, "size", size, "pass a number such as 32", DataError);
  requirePositiveInteger(who, "numDashes", numDashes, "pass a number such as 6", DataError);
  if (numDashes < 3 || !Number.isInteger(numDistractors) || numDistractors < 0) {
    throw new DataError({
      who,
      rule: "numDashes must be at least 3, and numDistractors a whole number from 0 on",
      got: `numDashes ${numDashes}, numDistractors ${numDistractors}`,
      fix: "pass numbers such as 6 and 5",
    });
  }
  const imageShape = { width: size, height: size, channels: 1 } as const;

  function draw(random: Random, open: readonly number[]): { readonly tokenIds: Int32Array; readonly label: number } {
    const label = open[random.integer(open.length)] ?? 0;
    for (let attempt = 0; attempt < IMAGE_ATTEMPTS; attempt++) {
      const pixels = drawImage(random, label === 1);
      if (pixels !== undefined) return { tokenIds: encodePixels(pixels), label };
    }
    throw new DataError({
      who,
      rule: "the paths must find room beside one another",
      got: `none for 2 paths of ${numDashes} dashes and ${numDistractors} short ones on ${size} × ${size} pixels`,
      fix: "pass a larger size, or fewer dashes or distractors",
    });
  }

  /** Undefined when a path found no room. */
  function drawImage(random: Random, connected: boolean): Uint8Array | undefined {
    const pixels = new Uint8Array(size * size);
    // Pixels within MIN_DISTANCE of a path that is there already.
    const taken = new Uint8Array(size * size);
    const isFree = ({ x, y }: Point): boolean => isInside(x, y, size) && taken[y * size + x] === 0;
    const lengths = [numDashes, numDashes, ...Array.from({ length: numDistractors }, () => Math.ceil(numDashes / 3))];
    for (const [index, dashes] of lengths.entries()) {
      const discs = index > 1 ? [] : connected ? (index === 0 ? [0, 1] : []) : [random.integer(2)];
      const path = placePath(random, dashes, index > 1 ? 0 : MIN_SPAN, discs, isFree);
      if (path === undefined) return undefined;
      for (const { x, y } of path) {
        pixels[y * size + x] = 255;
        for (let ny = Math.max(0, y - MIN_DISTANCE + 1); ny < Math.min(size, y + MIN_DISTANCE); ny++) {
          taken.fill(1, ny * size + Math.max(0, x - MIN_DISTANCE + 1), ny * size + Math.min(size, x + MIN_DISTANCE));
        }
      }
    }
    return pixels;
  }

  function placePath(
    random: Random,
    dashes: number,
    minSpan: number,
    discs: readonly number[],
    isFree: (point: Point) => boolean,
  ): readonly Point[] | undefined {
    for (let attempt = 0; attempt < PATH_ATTEMPTS; attempt++) {
      const { pixels, ends } = walk(random, dashes, size);
      if (chebyshev(...ends) < minSpan) continue;
      const all = [...pixels, ...discs.flatMap((end) => discAt(ends[end === 0 ? 0 : 1]))];
      if (all.every(isFree)) return all;
    }
    return undefined;
  }

  return {
    ...generateBalanced({
      name: "pathfinder",
      vocabulary: imageVocabulary(imageShape),
      classNames: ["apart", "connected"],
      generator: options,
      draw,
    }),
    imageShape,
  };
}

/**
 * A dashed path from a random pixel in a random direction that turns a little with every dash. It may leave the image.
 */
function walk(random: Random, dashes: number, size: number): Path {
  let x = random.integer(size);
  let y = random.integer(size);
  let angle = random.uniform() * 2 * Math.PI;
  const pixels: Point[] = [];
  for (let dash = 0; dash < dashes; dash++) {
    // Steps of Chebyshev length 1, so that rounding leaves no gap inside a dash and exactly one pixel between dashes.
    const [dx, dy] = chebyshevUnit(angle);
    for (let i = 0; i < DASH_LENGTH; i++) {
      pixels.push({ x: Math.round(x + i * dx), y: Math.round(y + i * dy) });
    }
    angle += (2 * random.uniform() - 1) * MAX_TURN;
    const [nextDx, nextDy] = chebyshevUnit(angle);
    x = Math.round(x + (DASH_LENGTH - 1) * dx) + 2 * nextDx;
    y = Math.round(y + (DASH_LENGTH - 1) * dy) + 2 * nextDy;
  }
  const [first = { x, y }] = pixels;
  return { pixels, ends: [first, pixels.at(-1) ?? first] };
}

function chebyshevUnit(angle: number): readonly [number, number] {
  const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
  const largest = Math.max(Math.abs(dx), Math.abs(dy));
  return [dx / largest, dy / largest];
}

function chebyshev(a: Point, b: Point): number {
  return Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y));
}

function discAt({ x, y }: Point): Point[] {
  return disc.map(({ dx, dy }) => ({ x: x + dx, y: y + dy }));
}

function isInside(x: number, y: number, size: number): boolean {
  return x >= 0 && y >= 0 && x < size && y < size;
}
