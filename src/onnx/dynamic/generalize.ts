/**
 * One graph for all lengths, from graphs that were emitted for a few.
 *
 * Graphs here have static shapes. Built at several lengths they have the same nodes, and differ in numbers alone: in
 * shapes to reshape to, in ends of slices, in arrays that repeat one number or count up, in tables with a row for each
 * position. Each such number becomes a polynomial of the lengths that the graph computes as it runs, each table the
 * beginning of the longest. What no polynomial explains is refused by the name of its node.
 */
import { GraphError, problem } from "../../graph/errors.ts";
import type { NdArray } from "../../graph/ndarray.ts";
import { formatShape, sameShape, sizeOf, type Shape } from "../../graph/shape.ts";
import type { AttributeProto, GraphProto, InitializerProto, NodeProto, RawArray, ValueInfoProto } from "../model.ts";
import { createLengthNodes, type AxisSource, type BlockCountSource, type LengthNodes } from "./length-nodes.ts";
import { sameArray } from "./same-array.ts";
import {
  constantValue,
  fitPolynomial,
  formatPolynomial,
  lengthsOf,
  valueAt,
  type Lengths,
  type Polynomial,
} from "./polynomial.ts";

/** A graph as it was emitted at some lengths. */
export interface EmittedAt {
  readonly lengths: Lengths;
  readonly graph: GraphProto;
}

/** The length of an axis that is known only when the graph runs. */
export interface FreeAxis extends AxisSource {
  /** The greatest that tables serve; without it there is none, and tables of this length are refused. */
  readonly most?: number;
}

/**
 * A length that is known only when the graph runs: that of an axis of an input, or the number of blocks that hold such
 * a length.
 */
export type FreeLength = FreeAxis | BlockCountSource;

/** One entry for each of the graphs, in their order. */
type Each<T> = readonly T[];

interface State {
  readonly names: readonly string[];
  /** The greatest lengths that tables are there for. */
  readonly tables: Lengths;
  readonly at: Each<Lengths>;
  /** The initializers of each graph by name. */
  readonly arrays: Each<ReadonlyMap<string, InitializerProto["array"]>>;
  /** The names of values in each graph → those in the first. */
  readonly values: Each<Map<string, string>>;
  readonly made: LengthNodes;
  /** Initializers that stay as they are. */
  readonly kept: Map<string, InitializerProto>;
}

/**
 * @param emitted the same function's graphs; the first 2ⁿ, for n free lengths, decide polynomials, all others check
 *   them. One of those others must be at the greatest lengths
 * @param tables the greatest of those lengths that tables may follow
 * @throws GraphError naming the first node that lengths change in another way
 */
export function generalizeGraph(
  emitted: readonly EmittedAt[],
  sources: Readonly<Record<string, FreeLength>>,
  tables: Lengths,
): GraphProto {
  const graphs = emitted.map(({ graph }) => graph);
  const inputs = firstOf(graphs).inputs.map(({ name }) => name);
  for (const [name, source] of Object.entries(sources)) {
    if (!("input" in source) || inputs.includes(source.input)) continue;
    throw new GraphError(
      problem`generalizeGraph: the length '${name}' must be that of an input of the graph, got '${source.input}'; its
      inputs are ${inputs.join(", ") || "none"}`,
    );
  }
  const made = createLengthNodes(sources);
  const state: State = {
    names: Object.keys(sources),
    tables,
    at: emitted.map(({ lengths }) => lengths),
    arrays: graphs.map(({ initializers }) => new Map(initializers.map(({ name, array }) => [name, array]))),
    values: graphs.map(() => new Map()),
    made,
    kept: new Map(),
  };
  const body = generalizeBody(graphs, state);
  return {
    ...body,
    nodes: [...made.nodes, ...body.nodes],
    initializers: [...state.kept.values(), ...made.initializers],
  };
}

function generalizeBody(graphs: Each<GraphProto>, state: State): GraphProto {
  const first = firstOf(graphs);
  const inputs = across(graphs, ({ inputs }) => inputs, `inputs of ${first.name}`).map((each) => value(each, state));
  const nodes = across(graphs, ({ nodes }) => nodes, `nodes of ${first.name}`, nearestDifference).map((each) =>
    generalizeNode(each, state),
  );
  const outputs = across(graphs, ({ outputs }) => outputs, `outputs of ${first.name}`).map((each) =>
    value(each, state),
  );
  return { name: first.name, nodes, initializers: [], inputs, outputs };
}

function generalizeNode(nodes: Each<NodeProto>, state: State): NodeProto {
  const node = firstOf(nodes);
  const { name } = node;
  if (nodes.some(({ opType, domain }) => opType !== node.opType || domain !== node.domain)) {
    refuse(name, "have the same op at all lengths", nodes.map(({ opType }) => opType).join(", "));
  }
  const inputs = across(nodes, ({ inputs }) => inputs, `inputs of ${name}`).map((each, position) =>
    generalizeInput(each, node, position, state),
  );
  for (const each of across(nodes, ({ outputs }) => outputs, `outputs of ${name}`)) register(each, state);
  const attributes = across(nodes, ({ attributes }) => attributes, `attributes of ${name}`).map((each) =>
    generalizeAttribute(each, name, state),
  );
  return { ...node, inputs, attributes };
}

function generalizeAttribute(attributes: Each<AttributeProto>, node: string, state: State): AttributeProto {
  const first = firstOf(attributes);
  if (first.kind === "graph") {
    const bodies = attributes.flatMap((each) => (each.kind === "graph" ? [each.value] : []));
    return { ...first, value: generalizeBody(bodies, state) };
  }
  const texts = attributes.map(({ name, kind, value }) => `${name} ${kind} ${JSON.stringify(value)}`);
  if (texts.some((text) => text !== texts[0])) {
    refuse(node, `have the same attribute '${first.name}' at all lengths`, [...new Set(texts)].join(", "));
  }
  return first;
}

function generalizeInput(inputs: Each<string>, node: NodeProto, position: number, state: State): string {
  const arrays = inputs.flatMap((input, index) => state.arrays[index]?.get(input) ?? []);
  if (arrays.length === inputs.length) return generalizeConstant(inputs, arrays, node, position, state);
  const values = inputs.map((input, index) => (input === "" ? "" : state.values[index]?.get(input)));
  const [first] = values;
  if (first === undefined || values.some((each) => each !== first)) {
    refuse(node.name, `read the same value at all lengths as input ${position}`, [...new Set(inputs)].join(", "));
  }
  return first;
}

/** An array that is part of the graph. */
function generalizeConstant(
  names: Each<string>,
  arrays: Each<NdArray | RawArray>,
  node: NodeProto,
  position: number,
  state: State,
): string {
  const name = firstOf(names);
  const first = firstOf(arrays);
  const who = `input ${position} of ${node.name}`;
  if (arrays.some(({ dtype, shape }) => dtype !== first.dtype || shape.length !== first.shape.length)) {
    refuse(who, "have the same type and number of axes at all lengths", arrays.map(describe).join(", "));
  }
  if (arrays.every((array) => sameArray(array, first))) {
    const known = state.kept.get(name) ?? equalTo(first, state) ?? { name, array: first };
    state.kept.set(known.name, known);
    return known.name;
  }
  const plain = arrays.filter(isPlain);
  if (arrays.some(({ shape }) => !sameShape(shape, first.shape))) return ofChangingShape(plain, who, state);
  return ofChangingValues(plain, who, node.opType === "Reshape", state);
}

/** Layers that make the same large constant each share one; small ones have been made one before. */
function equalTo(array: NdArray | RawArray, { kept }: State): InitializerProto | undefined {
  return [...kept.values()].find((each) => sameArray(each.array, array));
}

/** Constants of graphs that are emitted are plain; weights are stored otherwise only afterwards. */
function isPlain(array: NdArray | RawArray): array is NdArray {
  return array.dtype !== "uint8" && array.dtype !== "int8" && array.dtype !== "float16";
}

/** The most numbers of a constant that are fitted one by one. */
const MOST_NUMBERS = 64;

function ofChangingValues(arrays: Each<NdArray>, who: string, isReshape: boolean, state: State): string {
  const { dtype, shape } = firstOf(arrays);
  const size = sizeOf(shape);
  const numbers = arrays.map(({ data }) => Array.from(data, Number));
  if ((dtype === "int64" || dtype === "int32") && shape.length === 1 && size <= MOST_NUMBERS) {
    const polynomials = Array.from({ length: size }, (_, index) =>
      polynomialOf(
        numbers.map((each) => each[index] ?? Number.NaN),
        `number ${index} in ${who}`,
        state,
      ),
    );
    if (dtype === "int32") return state.made.int32(polynomials);
    const free = polynomials.filter((each) => constantValue(each) === undefined);
    // The engine finds one length by itself.
    const asked = polynomials.map((each) => (isReshape && free.length === 1 && each === free[0] ? LEFT_OVER : each));
    return state.made.int64(asked);
  }
  const repeated = numbers.map(([value = Number.NaN, ...others]) =>
    others.every((other) => other === value) ? value : Number.NaN,
  );
  if (dtype === "float32" && repeated.every((value) => !Number.isNaN(value))) {
    const { numerator, denominator } = ratioOf(repeated, who, state);
    return state.made.ratio(numerator, denominator, shape);
  }
  const ramp = rampOf(arrays, state);
  if (ramp) {
    const sizes = shape.map((length): Polynomial => [{ coefficient: length, of: [] }]);
    return state.made.ramp(ramp.dtype, ramp.start, ramp.step, sizes);
  }
  return refuse(
    who,
    "change with lengths in a way that can be computed",
    numbers.map((each) => shown(each)).join(", "),
  );
}

const LEFT_OVER: Polynomial = [{ coefficient: -1, of: [] }];
const ONE: Polynomial = [{ coefficient: 1, of: [] }];

/** A number as a whole one, or as 1 over a whole one. */
function ratioOf(values: Each<number>, who: string, state: State) {
  const whole = polynomialAt(values, state);
  if (whole !== undefined) return { numerator: whole, denominator: ONE };
  const inverse = polynomialAt(
    values.map((value) => Math.round(1 / value)),
    state,
  );
  if (inverse !== undefined && state.at.every((at, index) => Math.fround(1 / valueAt(inverse, at)) === values[index])) {
    return { numerator: ONE, denominator: inverse };
  }
  return refuse(who, "be a polynomial of the lengths or 1 over one", values.join(", "));
}

function ofChangingShape(arrays: Each<NdArray>, who: string, state: State): string {
  const { shape } = firstOf(arrays);
  const lengths = shape.map((_, axis) =>
    polynomialOf(
      arrays.map(({ shape }) => shape[axis] ?? Number.NaN),
      `axis ${axis} of ${who}`,
      state,
    ),
  );
  const elements = arrays.map(repeatedElement);
  const [element] = elements;
  if (element !== undefined && elements.every((each) => each !== undefined && sameArray(each, element))) {
    return state.made.filled(element, lengths);
  }
  const longest = arrays.reduce((a, b) => (sizeOf(b.shape) > sizeOf(a.shape) ? b : a));
  const ends = lengths.flatMap((end, axis) => (constantValue(end) === undefined ? [{ axis, end }] : []));
  const endless = ends.find(({ axis, end }) => valueAt(end, state.tables) !== longest.shape[axis]);
  const isTable = arrays.every((array) => isBeginning(array, longest));
  if (endless === undefined && isTable) return state.made.beginning(longest, ends);
  const ramp = rampOf(arrays, state);
  if (ramp) return state.made.ramp(ramp.dtype, ramp.start, ramp.step, lengths);
  if (endless === undefined || !isTable) {
    refuse(who, "begin as the same table at longer lengths does", arrays.map(describe).join(", "));
  }
  const { axis, end } = endless;
  return refuse(who, "have no more entries than tables serve", `${formatPolynomial(end)} on axis ${axis}`);
}

/** The element that all are equal to, `[]`; undefined where they differ. */
function repeatedElement({ dtype, data }: NdArray): NdArray | undefined {
  const [first] = data;
  // Object.is tells 0 from −0.
  for (const each of data) if (!Object.is(each, first)) return undefined;
  return { dtype, shape: [], data: data.slice(0, 1) };
}

/**
 * Whole numbers that count up, or down, in steps of one size: all arrays must, and the steps and where they start be
 * polynomials.
 */
function rampOf(arrays: Each<NdArray>, state: State) {
  const { dtype } = firstOf(arrays);
  if (dtype !== "int32" && dtype !== "int64") return undefined;
  const numbers = arrays.map(({ data }) => Array.from(data, Number));
  // Of a single number no step can be told: any other array decides it.
  if (numbers.some(({ length }) => length < 2)) return undefined;
  const starts = numbers.map(([first = Number.NaN]) => first);
  const steps = numbers.map(([first = Number.NaN, second = Number.NaN]) => second - first);
  const counts = numbers.every((each, index) =>
    each.every((value, place) => value === (starts[index] ?? Number.NaN) + place * (steps[index] ?? Number.NaN)),
  );
  if (!counts) return undefined;
  const [start, step] = [polynomialAt(starts, state), polynomialAt(steps, state)];
  return start && step && ({ dtype, start, step } as const);
}

/** Whether an array is the block of a larger one that begins where that begins. */
function isBeginning(array: NdArray, of: NdArray): boolean {
  if (array.shape.some((length, axis) => length > (of.shape[axis] ?? 0))) return false;
  const width = array.shape.at(-1) ?? 1;
  const rows = array.data.length / width;
  for (let row = 0; row < rows; row++) {
    let [rest, start, stride] = [row, 0, of.shape.at(-1) ?? 1];
    for (let axis = array.shape.length - 2; axis >= 0; axis--) {
      const length = array.shape[axis] ?? 1;
      start += (rest % length) * stride;
      rest = Math.floor(rest / length);
      stride *= of.shape[axis] ?? 1;
    }
    for (let column = 0; column < width; column++) {
      if (!Object.is(array.data[row * width + column], of.data[start + column])) return false;
    }
  }
  return true;
}

/** The type of a value at all lengths; it is also told to the state. */
function value(values: Each<ValueInfoProto>, state: State): ValueInfoProto {
  const first = firstOf(values);
  register(
    values.map(({ name }) => name),
    state,
  );
  const dims = first.shape.map((length, axis) => {
    const lengths = values.map(({ shape }) => shape[axis] ?? Number.NaN);
    if (lengths.every((each) => each === length)) return length;
    return formatPolynomial(polynomialOf(lengths, `axis ${axis} of '${first.name}'`, state));
  });
  return dims.every((length) => typeof length === "number") ? first : { ...first, dims };
}

function register(names: Each<string>, { values }: State): void {
  names.forEach((name, index) => values[index]?.set(name, firstOf(names)));
}

function polynomialAt(values: Each<number>, { names, at }: State): Polynomial | undefined {
  return fitPolynomial(
    names,
    values.map((each, index) => ({ lengths: at[index] ?? {}, value: each })),
  );
}

function polynomialOf(values: Each<number>, who: string, state: State): Polynomial {
  const found = polynomialAt(values, state);
  if (found !== undefined && lengthsOf(found).every((name) => state.names.includes(name))) return found;
  return refuse(who, "be a polynomial of the lengths", values.join(", "));
}

/** The lists of all graphs, entry by entry. */
function across<G, T>(
  graphs: Each<G>,
  listOf: (graph: G) => readonly T[],
  what: string,
  where: (lists: Each<readonly T[]>) => string = () => what,
): readonly Each<T>[] {
  const lists = graphs.map(listOf);
  const counts = lists.map(({ length }) => length);
  if (counts.some((count) => count !== counts[0])) {
    refuse(where(lists), `be as many at all lengths`, `${counts.join(", ")} ${what}`);
  }
  return firstOf(lists).map((_, index) => lists.map((list) => list[index] as T)); // all are as long
}

/** Where graphs of different numbers of nodes part. */
function nearestDifference(lists: Each<readonly NodeProto[]>): string {
  const first = firstOf(lists);
  const at = first.findIndex((node, index) => lists.some((list) => list[index]?.opType !== node.opType));
  return first[at < 0 ? first.length - 1 : at]?.name ?? "the graph";
}

function firstOf<T>(list: readonly T[]): T {
  return list[0] as T; // there is always a graph
}

function describe({ dtype, shape }: { readonly dtype: string; readonly shape: Shape }): string {
  return dtype + formatShape(shape);
}

function shown(numbers: readonly number[]): string {
  return `[${numbers.slice(0, 4).join(" ")}${numbers.length > 4 ? " …" : ""}]`;
}

function refuse(who: string, rule: string, got: string): never {
  throw new GraphError(
    problem`generalizeGraph: ${who} must ${rule}, got ${got}; build a graph whose nodes do not depend on lengths, or
    export it for fixed ones`,
  );
}
