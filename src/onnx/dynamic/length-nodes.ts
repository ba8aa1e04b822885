/** Nodes that compute polynomials of lengths, and arrays of such sizes, while a graph runs. */
import { ndarray, type NdArray } from "../../graph/ndarray.ts";
import { DATA_TYPES, type InitializerProto, type NodeProto } from "../model.ts";
import { bytesOf, sameArray } from "./same-array.ts";
import { constantValue, formatPolynomial, type Polynomial } from "./polynomial.ts";

/** Where a length is read: an axis of an input of the graph. */
export interface AxisSource {
  readonly input: string;
  readonly axis: number;
}

/** A number of blocks that hold a length: it rounded up to whole blocks, divided by theirs. */
export interface BlockCountSource {
  /** The name of that length, which is read from an axis. */
  readonly blocksOf: string;
  /** Positions of a block. */
  readonly blockLength: number;
}

/** Where a length comes from while the graph runs. */
export type LengthSource = AxisSource | BlockCountSource;

/** Values by their names in the graph; equal ones are computed once. */
export interface LengthNodes {
  /** int64 `[n]`: the values of polynomials one behind the other, as shapes and ends of slices are given. */
  readonly int64: (polynomials: readonly Polynomial[]) => string;
  /** int32 `[n]`, as above. */
  readonly int32: (polynomials: readonly Polynomial[]) => string;
  /** float32 of a shape that is known, all elements numerator / denominator. */
  readonly ratio: (numerator: Polynomial, denominator: Polynomial, shape: readonly number[]) => string;
  /** An array that repeats one element. */
  readonly filled: (element: NdArray, shape: readonly Polynomial[]) => string;
  /** int32 or int64 whose elements, in the order in which they lie, are start, start + step, start + 2 · step, … */
  readonly ramp: (
    dtype: "int32" | "int64",
    start: Polynomial,
    step: Polynomial,
    shape: readonly Polynomial[],
  ) => string;
  /** The beginning of a table along each of the given axes. */
  readonly beginning: (table: NdArray, ends: readonly { readonly axis: number; readonly end: Polynomial }[]) => string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly InitializerProto[];
}

/** Stands in front of all names that are made here; no op's path begins so. */
const PREFIX = "lengths";

export function createLengthNodes(sources: Readonly<Record<string, LengthSource>>): LengthNodes {
  const nodes: NodeProto[] = [];
  const initializers: InitializerProto[] = [];
  const known = new Map<string, string>();

  /** The value of a key, made when it is first asked for. */
  const once = (key: string, make: () => string): string => {
    const found = known.get(key) ?? make();
    known.set(key, found);
    return found;
  };
  const node = (opType: string, inputs: readonly string[], attributes: NodeProto["attributes"] = []): string => {
    const name = `${PREFIX}/${opType}#${nodes.length}`;
    nodes.push({ opType, name, domain: "", inputs: [...inputs], outputs: [name], attributes });
    return name;
  };
  const stored = (array: NdArray): string => {
    const name = `${PREFIX}/constant#${initializers.length}`;
    initializers.push({ name, array });
    return name;
  };
  /** Equal tables once: every layer makes its own. */
  const storedOnce = (array: NdArray): string =>
    initializers.find((known) => sameArray(known.array, array))?.name ?? stored(array);
  const whole = (values: readonly number[]) =>
    once(`constant ${values.join()}`, () => stored(ndarray(BigInt64Array.from(values, BigInt), [values.length])));
  const int = (name: string, value: number) => ({ name, kind: "int", value }) as const;

  /** `[1]`. */
  const length = (name: string): string => {
    const source = sources[name];
    if (source === undefined) throw new RangeError(`createLengthNodes: length must have a source, got '${name}'`);
    return once(`length ${name}`, () => {
      if ("input" in source) {
        return node("Shape", [source.input], [int("start", source.axis), int("end", source.axis + 1)]);
      }
      const { blocksOf, blockLength } = source;
      return node("Div", [node("Add", [length(blocksOf), whole([blockLength - 1])]), whole([blockLength])]);
    });
  };
  /** `[1]`. */
  const scalar = (polynomial: Polynomial): string => {
    const value = constantValue(polynomial);
    if (value !== undefined) return whole([value]);
    return once(`scalar ${formatPolynomial(polynomial)}`, () =>
      polynomial
        .map(({ coefficient, of }) => {
          const factors = [...(coefficient === 1 && of.length > 0 ? [] : [whole([coefficient])]), ...of.map(length)];
          return factors.reduce((a, b) => node("Mul", [a, b]));
        })
        .reduce((a, b) => node("Add", [a, b])),
    );
  };
  const cast = (value: string, dtype: keyof typeof DATA_TYPES) => node("Cast", [value], [int("to", DATA_TYPES[dtype])]);

  const int64: LengthNodes["int64"] = (polynomials) => {
    const values = polynomials.map(constantValue);
    if (values.every((value) => value !== undefined)) return whole(values);
    return once(`int64 ${polynomials.map(formatPolynomial).join()}`, () => {
      const parts = polynomials.map(scalar);
      return parts.length === 1 ? (parts[0] ?? "") : node("Concat", parts, [int("axis", 0)]);
    });
  };

  return {
    nodes,
    initializers,
    int64,
    int32: (polynomials) =>
      once(`int32 ${polynomials.map(formatPolynomial).join()}`, () => cast(int64(polynomials), "int32")),
    ratio: (numerator, denominator, shape) => {
      const key = `ratio ${formatPolynomial(numerator)} / ${formatPolynomial(denominator)} ${shape.join()}`;
      return once(key, () => {
        const quotient = node("Div", [cast(scalar(numerator), "float32"), cast(scalar(denominator), "float32")]);
        return node("Reshape", [quotient, whole(shape)]);
      });
    },
    filled: (element, shape) => {
      const key = `filled ${element.dtype} ${bytesOf(element).join()} ${shape.map(formatPolynomial).join()}`;
      return once(key, () => {
        const one = stored({ ...element, shape: [1] });
        return node("Expand", [one, int64(shape)]);
      });
    },
    ramp: (dtype, start, step, shape) => {
      const key = `ramp ${dtype} ${[start, step, ...shape].map(formatPolynomial).join()}`;
      return once(key, () => {
        const [zero, one] = [0n, 1n].map((value) => storedOnce(ndarray(BigInt64Array.of(value), []))) as [
          string,
          string,
        ]; // of two
        const size = node("ReduceProd", [int64(shape)], [int("keepdims", 0)]);
        const counted = node("Range", [zero, size, one]);
        const values = node("Add", [scalar(start), node("Mul", [scalar(step), counted])]);
        const shaped = node("Reshape", [values, int64(shape)]);
        return dtype === "int64" ? shaped : cast(shaped, dtype);
      });
    },
    beginning: (table, ends) => {
      const [starts, axes] = [ends.map(() => 0), ends.map(({ axis }) => axis)];
      const to = ends.map(({ end }) => end);
      const name = storedOnce(table);
      return once(`beginning ${name} ${axes.join()} ${to.map(formatPolynomial).join()}`, () =>
        node("Slice", [name, whole(starts), int64(to), whole(axes)]),
      );
    },
  };
}
