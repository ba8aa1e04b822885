/** The kinds of random projections that features are made with, as one table. */
import { fillNormal, type Random } from "./generator.ts";
import { requirePositiveInteger } from "../graph/arguments.ts";
import { at, dot, haarOrthogonal } from "./orthogonal.ts";
import { givensBlock, hadamardBlock, simplexBlock } from "./structured.ts";

/**
 * "chi": every row has the length of an independent Gaussian vector (χ with headDim degrees of freedom), so that a row
 * of uniform direction is N(0, I) and kernel estimates are unbiased. "sqrt": every row has length √headDim exactly, as
 * the regularized softmax kernel demands.
 */
export type RowLengths = "chi" | "sqrt";

/** What a projection is drawn from. */
export interface ProjectionOptions {
  /** Rows of the matrix. */
  readonly numFeatures: number;
  /** Columns of the matrix. */
  readonly headDim: number;
  /** The stream that the matrix is drawn from. */
  readonly random: Random;
  /** Lengths of the rows. Default `chi`. */
  readonly rowLengths: RowLengths;
}

/** One way to draw a projection. */
export interface ProjectionKind {
  readonly name: string;
  /** One line for lists and help texts. */
  readonly summary: string;
  /**
   * Whether each row alone is distributed as N(0, I) under "chi" lengths, so that kernel estimates are unbiased. Said
   * of the exact distribution: a kind that only comes near to it says false, and its docstring how near.
   */
  readonly unbiased: boolean;
  /**
   * Draws a matrix: blocks of coupled rows, blocks independent, the last one cut short after its leading rows.
   *
   * @returns [numFeatures, headDim], row-major
   * @throws ArgumentError when a size is not a positive integer
   */
  readonly draw: (options: ProjectionOptions) => Float32Array;
}

/** Draws unit rows: [numRows, headDim], row-major, with numRows ≥ 1 of the block's own choice. */
type DrawBlock = (headDim: number, random: Random) => Float64Array;

const drawLength = {
  chi: (headDim: number, random: Random): number => {
    let square = 0;
    for (let i = 0; i < headDim; i++) {
      const entry = random.normal();
      square += entry * entry;
    }
    return Math.sqrt(square);
  },
  sqrt: (headDim: number): number => Math.sqrt(headDim),
} satisfies Record<RowLengths, (headDim: number, random: Random) => number>;

/** Stacks independent blocks of unit rows until there are numFeatures rows, and gives each row its length. */
function stackBlocks(who: string, options: ProjectionOptions, drawBlock: DrawBlock): Float32Array {
  const { numFeatures, headDim, random, rowLengths } = options;
  requirePositiveInteger(who, "numFeatures", numFeatures, "pass a size such as 64.");
  requirePositiveInteger(who, "headDim", headDim, "pass a size such as 64.");
  const out = new Float32Array(numFeatures * headDim);
  let start = 0;
  while (start < out.length) {
    const block = drawBlock(headDim, random);
    const numEntries = Math.min(block.length, out.length - start);
    for (let row = 0; row < numEntries; row += headDim) {
      const length = drawLength[rowLengths](headDim, random);
      for (let i = row; i < row + headDim; i++) out[start + i] = length * at(block, i);
    }
    start += numEntries;
  }
  return out;
}

/**
 * A Gaussian matrix with orthogonal rows: full blocks of headDim rows, then the leading rows of one more block.
 * Rows of different blocks are independent.
 *
 * @returns [numFeatures, headDim], row-major
 * @throws ArgumentError when a size is not a positive integer
 * Source: arXiv:2009.14794, section 2.4; Yu et al., Orthogonal Random Features, 2016.
 */
export function gaussianOrthogonalMatrix(options: ProjectionOptions): Float32Array {
  return stackBlocks("gaussianOrthogonalMatrix", options, haarOrthogonal);
}

/**
 * A matrix of independent N(0, 1) entries: the plain, non-orthogonal projection.
 *
 * @returns [numFeatures, headDim], row-major
 * @throws ArgumentError when a size is not a positive integer
 */
export function gaussianMatrix(options: Omit<ProjectionOptions, "rowLengths">): Float32Array {
  const { numFeatures, headDim, random } = options;
  requirePositiveInteger("gaussianMatrix", "numFeatures", numFeatures, "pass a size such as 64.");
  requirePositiveInteger("gaussianMatrix", "headDim", headDim, "pass a size such as 64.");
  return fillNormal(random, new Float32Array(numFeatures * headDim));
}

/** A block of one row: the direction of a Gaussian vector. */
function gaussianDirection(headDim: number, random: Random): Float64Array {
  const row = fillNormal(random, new Float64Array(headDim));
  const length = Math.sqrt(dot(row, 0, row, 0, headDim));
  return row.map((value) => value / length);
}

/** Orthogonal blocks, uniformly distributed: the paper's projection and the default. */
const orthogonal: ProjectionKind = {
  name: "orthogonal",
  summary: "orthogonal Gaussian blocks: unbiased, lower variance than independent rows",
  unbiased: true,
  draw: gaussianOrthogonalMatrix,
};

/** Independent Gaussian rows; under "sqrt" the same rows scaled to length √headDim. The baseline. */
const iid: ProjectionKind = {
  name: "iid",
  summary: "independent Gaussian rows: unbiased, the baseline of variance",
  unbiased: true,
  // A Gaussian row already has its χ length: to split it off and draw another would cost a second vector.
  draw: (options) =>
    options.rowLengths === "chi"
      ? gaussianMatrix(options)
      : stackBlocks("projectionKinds.iid", options, gaussianDirection),
};

/**
 * Blocks of H·D₁·H·D₂·H·D₃ (`hadamardBlock`), orthogonal when headDim is a power of two and nearly so otherwise.
 * Biased: directions are finitely many and only nearly uniform, which shows at small headDim (figures there). A block
 * has as many rows as the power of two.
 */
const hadamard: ProjectionKind = {
  name: "hadamard",
  summary: "Hadamard and random-sign products: quickest to draw, nearly unbiased from headDim 16 on",
  unbiased: false,
  draw: (options) => stackBlocks("projectionKinds.hadamard", options, hadamardBlock),
};

/**
 * Orthogonal blocks from Givens rotations (`givensBlock`). Not exactly uniform, but so near that at ‖z‖ = 1.5 estimates
 * are off by six parts in 100,000: it would take over a billion features to see it.
 */
const givens: ProjectionKind = {
  name: "givens",
  summary: "products of random Givens rotations: orthogonal, unbiased to about one part in 10,000",
  unbiased: false,
  draw: (options) => stackBlocks("projectionKinds.givens", options, givensBlock),
};

/**
 * Simplex features: the rows of a block point to the vertices of a regular simplex (`simplexBlock`). Refuses headDim 1.
 */
const simplex: ProjectionKind = {
  name: "simplex",
  summary: "simplex blocks (SimRFs): unbiased, the least variance of positive features",
  unbiased: true,
  draw: (options) => stackBlocks("projectionKinds.simplex", options, simplexBlock),
};

/** Every kind of random projection, by name. */
export const projectionKinds = { orthogonal, iid, hadamard, givens, simplex } as const satisfies Record<
  string,
  ProjectionKind
>;

export type ProjectionName = keyof typeof projectionKinds;
