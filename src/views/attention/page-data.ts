/** What the page of a model's attention tells its script, as JSON. */

export interface PageHead {
  readonly layer: number;
  readonly head: number;
  readonly mechanism: string;
  /** Int16, little-endian, base64: sign · 32767 · √(|weight| / largest), row by row. */
  readonly weights: string;
}

export interface PageMatrix {
  readonly name: string;
  readonly letters: string;
  /** Null on the diagonal. */
  readonly values: readonly (readonly (number | null)[])[];
  readonly mean: number;
  readonly deviation: number;
}

export interface PageData {
  /** What each token is drawn as: a letter, or a piece of a text. */
  readonly labels: readonly string[];
  /** Whether labels have any width. */
  readonly arePieces: boolean;
  /** "C40" of each token. */
  readonly names: readonly string[];
  /** A CSS class of each token. */
  readonly classes: readonly string[];
  /** The CSS class of each kind of residue, by its letter. */
  readonly classOf: Readonly<Record<string, string>>;
  readonly causal: boolean;
  readonly darkest: number;
  readonly largest: number;
  readonly heads: readonly PageHead[];
  readonly firstToken: number;
  readonly amountStops: readonly (readonly number[])[];
  readonly differenceStops: readonly (readonly number[])[];
  readonly deviations: number;
  /** The substitution matrix, and the model's; empty without. */
  readonly matrices: readonly PageMatrix[];
}
