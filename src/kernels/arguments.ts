/** What the kernel functions ask of their arguments before anything is computed. */
import { readArray, type AttentionArray } from "../attention/arrays.ts";
import type { FeatureMap } from "../attention/feature-map.ts";
import { requireOneOf } from "../attention/checks.ts";
import { refuseUnknownOptions } from "../graph/arguments.ts";
import { LARGEST_ARRAY_BYTES } from "../attention/favor/projections.ts";
import { GraphError, problem } from "../graph/errors.ts";
import { formatShape } from "../graph/shape.ts";
import { projectionKinds, type ProjectionName } from "../random/index.ts";
import { KernelError } from "./errors.ts";

/** Rows of equal width, row-major: `[length, width]`. */
export interface Rows {
  readonly data: Float32Array;
  readonly length: number;
  readonly width: number;
}

/** In elements of float32. */
const LARGEST_ARRAY = LARGEST_ARRAY_BYTES / 4;

/**
 * Rows in any of the forms of attention, all finite. Numbers beyond float32 count as infinite.
 *
 * @param flatWidth the option `width`, for a flat array
 * @throws KernelError for no rows, other ranks than 2, sizes that do not fit the elements, NaN and infinity
 */
export function readRows(who: string, name: string, array: AttentionArray, flatWidth: number | undefined): Rows {
  const { data, shape } = readArray(who, name, array, (elements) => checkFlatWidth(who, name, elements, flatWidth));
  const [length = 0, width = 0] = shape;
  if (shape.length !== 2 || !shape.every((size) => Number.isInteger(size) && size > 0)) {
    throw new KernelError(
      problem`${who}: ${name} must have sizes [length, width], both at least 1, got ${formatShape(shape)}; give one row
      a vector`,
    );
  }
  if (data.length !== length * width) {
    throw new KernelError(
      problem`${who}: ${name} must hold as many elements as its sizes ${formatShape(shape)} say, got ${data.length};
        mend the sizes or the data`,
    );
  }
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new KernelError(
      problem`${who}: ${name} must hold numbers that float32 can hold, got ${data[bad]} in row
      ${Math.floor(bad / width)}, column ${bad % width}; clean or scale the data`,
    );
  }
  return { data, length, width };
}

function checkFlatWidth(who: string, name: string, elements: number, width: number | undefined): number {
  if (width === undefined || !Number.isInteger(width) || width < 1 || elements % width !== 0) {
    throw new KernelError(
      problem`${who}: a flat array must come with the option width, a divisor of its ${elements} elements, got ${width}
      for ${name}; or give { data, dims: [length, width] }, or one array a row`,
    );
  }
  return width;
}

/** Far inside float32, so that whatever a map makes of ‖x‖² is a number. */
const LARGEST_SQUARE = 1e30;

/**
 * Rows multiplied by a number, copied.
 *
 * @throws KernelError for a row whose ‖x‖² afterwards is beyond what features can be made of
 */
export function scaleRows(who: string, name: string, { data, length, width }: Rows, scale: number): Rows {
  const scaled = data.map((value) => value * scale);
  for (let row = 0; row < length; row++) {
    let square = 0;
    for (let i = row * width; i < (row + 1) * width; i++) square += (scaled[i] ?? 0) ** 2;
    if (square <= LARGEST_SQUARE) continue;
    throw new KernelError(
      problem`${who}: ${name} must be short enough for features in float32, ‖x‖² / temperature at most
      ${LARGEST_SQUARE}, got ${square.toPrecision(3)} in row ${row}; scale them down, or raise the temperature`,
    );
  }
  return { data: scaled, length, width };
}

/** @throws KernelError when two sets of rows differ in width */
export function checkWidths(who: string, names: readonly [string, string], widths: readonly [number, number]): void {
  if (widths[0] === widths[1]) return;
  throw new KernelError(
    problem`${who}: rows of ${names[0]} and ${names[1]} must be equally wide, got ${widths[0]} and ${widths[1]}; they
    are vectors of one space`,
  );
}

/** The checks of attention's options, which throw the errors of kernels here. */
function asKernelError(check: () => void): void {
  try {
    check();
  } catch (error) {
    throw error instanceof GraphError ? new KernelError(error.problems, { cause: error }) : error;
  }
}

/** @throws KernelError when an option is not among the names, which a typing error would otherwise leave unread */
export function checkNames(who: string, options: object, names: Readonly<Record<string, true>>): void {
  asKernelError(() => refuseUnknownOptions(who, options, Object.keys(names), GraphError));
}

/**
 * The entry of a table that a name belongs to.
 *
 * @throws KernelError with the nearest name
 */
export function lookUp<T>(who: string, option: string, table: Readonly<Record<string, T>>, name: string): T {
  asKernelError(() => requireOneOf(who, option, name, Object.keys(table)));
  return table[name] as T; // one of the table's own keys
}

/** @throws KernelError for another name than those of the table of projections */
export function checkProjection(who: string, projection: ProjectionName | undefined): void {
  if (projection !== undefined) lookUp(who, "projection", projectionKinds, projection);
}

/**
 * @param numRows the most rows whose features stand in one array
 * @throws KernelError for a number that is no positive integer, or too large for the engine's arrays
 */
export function checkNumFeatures(
  who: string,
  map: FeatureMap,
  numFeatures: number,
  { width, numRows }: { readonly width: number; readonly numRows: number },
): void {
  if (!Number.isInteger(numFeatures) || numFeatures < 1) {
    throw new KernelError(
      problem`${who}: numFeatures must be a positive integer, got ${numFeatures}; omit it to use round(width · ln
      width)`,
    );
  }
  const most = Math.floor(LARGEST_ARRAY / (map.featuresPerRow * Math.max(width, numRows)));
  if (numFeatures > most) {
    throw new KernelError(
      problem`${who}: numFeatures must be at most ${most} so that the features of ${numRows} rows fit an array of 2 GiB,
      got ${numFeatures}; use fewer, or fewer rows at once`,
    );
  }
}

/** @throws KernelError when the kernel of so many rows does not fit an array */
export function checkMatrix(who: string, length: number, otherLength: number): void {
  if (length * otherLength <= LARGEST_ARRAY) return;
  throw new KernelError(
    problem`${who}: the matrix must have at most 2^29 entries, got ${length} × ${otherLength}; give fewer rows at once`,
  );
}
