/** Kernels in closed form, in float64: what estimates are compared with. */
import { problem } from "../graph/errors.ts";
import type { AttentionArray } from "../attention/arrays.ts";
import { checkMatrix, checkNames, checkWidths, lookUp, readRows, type Rows } from "./arguments.ts";
import { KernelError } from "./errors.ts";

/** Which kernel: exp(x·y), exp(−‖x − y‖²/2), or the arc-cosine kernel of an order. */
export type KernelName = "softmax" | "gaussian" | "arc-cosine";

/** The degree of the activation that the arc-cosine kernel belongs to: step, ReLU, squared ReLU. */
export type ArcCosineOrder = 0 | 1 | 2;

export interface ExactKernelOptions {
  /** The kernel. */
  readonly kernel: KernelName;
  /** The order of the arc-cosine kernel. Default 1, the kernel of ReLU features. */
  readonly order?: ArcCosineOrder;
  /** The width of a row; needed for flat arrays only. */
  readonly width?: number;
}

/** A kernel between two rows, given x·x, y·y, x·y and the angle between them. */
type ClosedForm = (pair: {
  readonly xx: number;
  readonly yy: number;
  readonly xy: number;
  /** Computed when called for, because two of the kernels need none. */
  readonly angle: () => number;
}) => number;

/** k₀ = 1 − θ/π; a row of zeros has no angle, and no feature above 0: 0. */
const arcCosine0: ClosedForm = ({ xx, yy, angle }) => (xx === 0 || yy === 0 ? 0 : 1 - angle() / Math.PI);

/** k₁ = ‖x‖‖y‖ (sin θ + (π − θ) cos θ)/π. */
const arcCosine1: ClosedForm = ({ xx, yy, angle }) => {
  const theta = angle();
  return (Math.sqrt(xx * yy) * (Math.sin(theta) + (Math.PI - theta) * Math.cos(theta))) / Math.PI;
};

/** k₂ = ‖x‖²‖y‖² (3 sin θ cos θ + (π − θ)(1 + 2 cos² θ))/π. */
const arcCosine2: ClosedForm = ({ xx, yy, angle }) => {
  const theta = angle();
  const [sine, cosine] = [Math.sin(theta), Math.cos(theta)];
  return (xx * yy * (3 * sine * cosine + (Math.PI - theta) * (1 + 2 * cosine ** 2))) / Math.PI;
};

const closedForms = {
  softmax:
    () =>
    ({ xy }) =>
      Math.exp(xy),
  gaussian:
    () =>
    ({ xx, yy, xy }) =>
      Math.exp(xy - (xx + yy) / 2),
  "arc-cosine": (order) => [arcCosine0, arcCosine1, arcCosine2][order] ?? arcCosine1,
} as const satisfies Record<KernelName, (order: ArcCosineOrder) => ClosedForm>;

const optionNames = { kernel: true, order: true, width: true } as const satisfies Record<
  keyof ExactKernelOptions,
  true
>;

/** @throws KernelError for another kernel or order than there are */
export function checkKernel(who: string, kernel: KernelName, order: ArcCosineOrder | undefined): void {
  lookUp(who, "kernel", closedForms, kernel);
  if (order === undefined) return;
  if (kernel !== "arc-cosine") {
    throw new KernelError(
      problem`${who}: order must be omitted for the ${kernel} kernel, which has none, got ${order}; leave it out`,
    );
  }
  if (![0, 1, 2].includes(order)) {
    throw new KernelError(
      problem`${who}: order must be 0, 1 or 2, got ${String(order)}; omit it for 1, the kernel of ReLU`,
    );
  }
}

/**
 * Kernels between all rows of x and y in closed form: O(N · S · D), in float64 on the rows as float32 holds them, which
 * is what `estimateKernel` sees.
 *
 * softmax: exp(x·y); gaussian: exp(−‖x − y‖²/2); arc-cosine of order n with θ the angle between x and y:
 * 2 E[Θ(ω·x) Θ(ω·y) (ω·x)ⁿ (ω·y)ⁿ] over ω ~ N(0, I) = ‖x‖ⁿ‖y‖ⁿ Jₙ(θ)/π. A row of zeros gives 0 at every order.
 *
 * @param arrays x `[N, D]` and y `[S, D]`, not divided by anything
 * @returns `[N, S]`, row-major
 * @throws KernelError for NaN, infinity, widths that differ, unknown kernels, and entries beyond float64
 * Source: Cho and Saul, Kernel methods for deep learning, 2009, equations 1 to 7.
 *
 * @example
 * const { data, dims } = exactKernel({ x, y }, { kernel: "gaussian" });
 */
export function exactKernel(
  arrays: { readonly x: AttentionArray; readonly y: AttentionArray },
  options: ExactKernelOptions,
): { readonly data: Float64Array; readonly dims: readonly [number, number] } {
  checkNames("exactKernel", options, optionNames);
  checkKernel("exactKernel", options.kernel, options.order);
  const x = readRows("exactKernel", "x", arrays?.x, options.width);
  const y = readRows("exactKernel", "y", arrays?.y, options.width);
  checkWidths("exactKernel", ["x", "y"], [x.width, y.width]);
  checkMatrix("exactKernel", x.length, y.length);
  const closedForm = closedForms[options.kernel](options.order ?? 1);
  const data = new Float64Array(x.length * y.length);
  const [xSquares, ySquares] = [squares(x), squares(y)];
  for (let n = 0; n < x.length; n++) {
    for (let s = 0; s < y.length; s++) {
      const [xx, yy] = [xSquares[n] ?? 0, ySquares[s] ?? 0];
      const angle = () => angleBetween(x, n, Math.sqrt(xx), y, s, Math.sqrt(yy));
      data[n * y.length + s] = closedForm({ xx, yy, xy: dotOfRows(x, n, y, s), angle });
    }
  }
  const beyond = data.findIndex((value) => !Number.isFinite(value));
  if (beyond >= 0) {
    const [n, s] = [Math.floor(beyond / y.length), beyond % y.length];
    throw new KernelError(
      problem`exactKernel: the kernel must stay within float64, got ${data[beyond]} between row ${n} of x and row ${s}
      of y; scale the rows down`,
    );
  }
  return { data, dims: [x.length, y.length] };
}

/** x_n · y_s in float64. */
export function dotOfRows(x: Rows, n: number, y: Rows, s: number): number {
  const { data: xs, width } = x;
  const ys = y.data;
  const [xStart, yStart] = [n * width, s * width];
  let total = 0;
  for (let i = 0; i < width; i++) total += (xs[xStart + i] ?? 0) * (ys[yStart + i] ?? 0);
  return total;
}

function squares(rows: Rows): Float64Array {
  return Float64Array.from({ length: rows.length }, (_, n) => dotOfRows(rows, n, rows, n));
}

/** θ = 2 atan2(‖x̂ − ŷ‖, ‖x̂ + ŷ‖), which keeps its digits near 0 and π, where the arc cosine loses half of them. */
function angleBetween(x: Rows, n: number, xNorm: number, y: Rows, s: number, yNorm: number): number {
  // A row of zeros: any angle will do, because the kernel is 0.
  if (xNorm === 0 || yNorm === 0) return 0;
  let [difference, sum] = [0, 0];
  for (let i = 0; i < x.width; i++) {
    const a = (x.data[n * x.width + i] ?? 0) / xNorm;
    const b = (y.data[s * y.width + i] ?? 0) / yNorm;
    difference += (a - b) ** 2;
    sum += (a + b) ** 2;
  }
  return 2 * Math.atan2(Math.sqrt(difference), Math.sqrt(sum));
}
