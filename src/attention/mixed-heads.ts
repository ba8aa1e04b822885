/** Heads of several kinds in one layer: some local, others global, each part with a mechanism of its own. */
import type { Tensor } from "../graph/tensor.ts";
import { concat, slice } from "../ops/slicing.ts";
import {
  projectionShapeOf,
  type AttentionMechanism,
  type AttentionState,
  type MechanismUse,
  type ParameterSizes,
  type RecurrentForm,
  type RecurrentStep,
  type Refusal,
} from "./mechanism.ts";
import { ConfigError, GraphError, problem } from "../graph/errors.ts";
import { commonBlocks } from "./whole-blocks.ts";

/** Heads that share a mechanism. */
export interface HeadsPart {
  readonly mechanism: AttentionMechanism;
  readonly numHeads: number;
}

interface PlacedPart extends HeadsPart {
  readonly index: number;
  /** Its first head. */
  readonly start: number;
}

/**
 * Attention whose heads are split among mechanisms, in their order.
 *
 * Parameters and states of a part bear its number: `part0_keys`. One part at most may have a random projection, for a
 * layer has one; where heads have their own, it takes those of its heads.
 *
 * @throws ConfigError without parts, and for parts that cannot share a layer
 * @example
 * mixedHeads([{ mechanism: local.create({ window: 64 }), numHeads: 2 }, { mechanism: mechanisms.favor, numHeads: 2 }])
 * Source: arXiv:2003.05997, whose layers have heads of local attention beside those of routing.
 */
export function mixedHeads(given: readonly HeadsPart[]): AttentionMechanism {
  check(given);
  let start = 0;
  const parts = given.map((part, index): PlacedPart => {
    const placed = { ...part, index, start };
    start += part.numHeads;
    return placed;
  });
  const total = start;
  const drawing = parts.find(({ mechanism }) => drawsProjection(mechanism));
  const recurrent = recurrentOf(parts);
  const wholeBlocks = commonBlocks(parts.map(({ mechanism }) => mechanism.wholeBlocks));
  const trained = parts.filter(({ mechanism }) => mechanism.parameters !== undefined);
  return {
    name: `mixed(${parts.map(({ mechanism, numHeads }) => `${numHeads} ${mechanism.name}`).join(", ")})`,
    summary: parts.map(({ mechanism, numHeads }) => `${numHeads} heads: ${mechanism.summary}`).join("; "),
    complexity: parts.map(({ mechanism }) => mechanism.complexity ?? "O(L)").join(" + "),
    ...(wholeBlocks && { wholeBlocks }),
    ...(parts.some(({ mechanism }) => mechanism.sharesKeys === true) && { sharesKeys: true }),
    refuse: (use) => refusal(parts, total, use),
    ...(trained.length > 0 && { parameters: (sizes: ParameterSizes) => parametersOf(trained, sizes) }),
    initialise: (random, sizes) => drawing?.mechanism.initialise(random, sizes),
    projectionShape: (sizes) => drawing && projectionShapeOf(drawing.mechanism, sizes),
    apply: (q, k, v, options) => {
      checkHeads(q, total);
      const outputs = parts.map((part) => {
        const { projection, parameters, ...others } = options;
        return part.mechanism.apply(ofPart(q, part), ofPart(k, part), ofPart(v, part), {
          ...others,
          ...projectionFor(part, projection),
          ...(parameters && { parameters: unprefixed(parameters, part) }),
        });
      });
      return concat(outputs, 1);
    },
    ...(recurrent && { recurrent }),
  };
}

function check(parts: readonly HeadsPart[]): void {
  if (parts.length === 0) {
    throw new ConfigError(
      problem`mixedHeads: there must be at least one part, got none; give [{ mechanism, numHeads }, …]`,
    );
  }
  for (const { mechanism, numHeads } of parts) {
    if (!Number.isInteger(numHeads) || numHeads < 1) {
      throw new ConfigError(
        problem`mixedHeads: numHeads of '${mechanism.name}' must be a positive integer, got ${String(numHeads)}; say how
        many heads it has`,
      );
    }
  }
  const drawing = parts.filter(({ mechanism }) => drawsProjection(mechanism));
  if (drawing.length > 1) {
    const names = drawing.map(({ mechanism }) => `'${mechanism.name}'`).join(" and ");
    throw new ConfigError(
      problem`mixedHeads: one part at most may have a random projection, for a layer has one, got ${names}; join their
      heads in one part, or use mechanisms without projections beside it, such as 'local' or 'exact'`,
    );
  }
  const sharing = parts.filter(({ mechanism }) => mechanism.sharesKeys === true);
  if (sharing.length > 0 && sharing.length < parts.length) {
    throw new ConfigError(
      problem`mixedHeads: keys must be the queries in all parts or in none, got '${sharing[0]?.mechanism.name ?? ""}'
      beside others; use it for all heads`,
    );
  }
}

/** Whether there is anything to draw, at the smallest sizes. */
function drawsProjection(mechanism: AttentionMechanism): boolean {
  return projectionShapeOf(mechanism, { headDim: 2, numFeatures: 2, numHeads: 1 }) !== undefined;
}

function refusal(parts: readonly PlacedPart[], total: number, use: MechanismUse): Refusal | undefined {
  if (use.numHeads !== total) {
    return {
      rule: `the parts' heads must add up to numHeads, ${use.numHeads}`,
      got: parts.map(({ numHeads }) => numHeads).join(" + "),
      fix: "change numHeads of the parts or of the model",
    };
  }
  for (const { mechanism, numHeads, index } of parts) {
    const refused = mechanism.refuse?.({ ...use, numHeads });
    if (refused) return { ...refused, rule: `heads.${index} ('${mechanism.name}'): ${refused.rule}` };
    if (use.causal && mechanism.statistics !== undefined) {
      return {
        rule: `heads.${index} ('${mechanism.name}'): a causal part must not need statistics of the whole sequence`,
        got: `'${mechanism.name}'`,
        fix: "use 'favor' for those heads",
      };
    }
  }
  return undefined;
}

function checkHeads(q: Tensor, total: number): void {
  const [, H = 0] = q.shape;
  if (H === total) return;
  throw new GraphError(
    problem`mixedHeads: the parts' heads must add up to those of the queries, ${H}, got ${total}; change numHeads of the
    parts`,
  );
}

/** `[B, H, L, D]` → the heads of a part. */
function ofPart(x: Tensor, { start, numHeads }: PlacedPart): Tensor {
  return slice(x, 1, start, start + numHeads);
}

function projectionFor(part: PlacedPart, projection: Tensor | undefined): { readonly projection?: Tensor } {
  if (projection === undefined || !drawsProjection(part.mechanism)) return {};
  const own = projection.shape.length === 3;
  return { projection: own ? slice(projection, 0, part.start, part.start + part.numHeads) : projection };
}

function prefix({ index }: PlacedPart): string {
  return `part${index}_`;
}

function prefixed<Value>(record: Readonly<Record<string, Value>>, part: PlacedPart): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [prefix(part) + name, value]));
}

function unprefixed<Value>(record: Readonly<Record<string, Value>>, part: PlacedPart): Record<string, Value> {
  const start = prefix(part);
  return Object.fromEntries(
    Object.entries(record).flatMap(([name, value]) =>
      name.startsWith(start) ? [[name.slice(start.length), value] as const] : [],
    ),
  );
}

function parametersOf(parts: readonly PlacedPart[], sizes: ParameterSizes) {
  const all = parts.map((part) =>
    prefixed(part.mechanism.parameters?.({ ...sizes, numHeads: part.numHeads }) ?? {}, part),
  );
  return Object.assign({}, ...all) as ReturnType<NonNullable<AttentionMechanism["parameters"]>>; // records of the same kind
}

/** The combination of all parts; undefined where one of them has none. */
function recurrentOf(parts: readonly PlacedPart[]): RecurrentForm | undefined {
  const forms = ofAll(parts, ({ recurrent }) => recurrent);
  if (forms === undefined) return undefined;
  const anyLength = ofAll(parts, ({ recurrent }) => recurrent?.anyLength);
  return {
    initialState: statesOf(forms),
    differentiable: forms.flatMap(({ part, form }) => form.differentiable.map((name) => prefix(part) + name)),
    step: together(forms.map(({ part, form }) => ({ part, advance: form.step }))),
    extend: together(forms.map(({ part, form }) => ({ part, advance: form.extend }))),
    ...(anyLength && {
      anyLength: {
        initialState: statesOf(anyLength),
        extend: together(anyLength.map(({ part, form }) => ({ part, advance: form.extend }))),
      },
    }),
  };
}

interface PartForm<Form> {
  readonly part: PlacedPart;
  readonly form: Form;
}

/** Undefined where one part has none. */
function ofAll<Form>(
  parts: readonly PlacedPart[],
  formOf: (mechanism: AttentionMechanism) => Form | undefined,
): readonly PartForm<Form>[] | undefined {
  const forms = parts.flatMap((part) => {
    const form = formOf(part.mechanism);
    return form === undefined ? [] : [{ part, form }];
  });
  return forms.length < parts.length ? undefined : forms;
}

function statesOf(forms: readonly PartForm<Pick<RecurrentForm, "initialState">>[]): RecurrentForm["initialState"] {
  return (sizes) =>
    Object.assign(
      {},
      ...forms.map(({ part, form }) => prefixed(form.initialState({ ...sizes, H: part.numHeads }), part)),
    ) as ReturnType<RecurrentForm["initialState"]>; // records of the same kind
}

/** Every part's own heads and states. */
function together(parts: readonly { readonly part: PlacedPart; readonly advance: RecurrentStep }[]): RecurrentStep {
  return (q, k, v, state, { projection, ...options }) => {
    const results = parts.map(({ part, advance }) => {
      const before = unprefixed(state, part);
      const own = { ...options, ...projectionFor(part, projection) };
      const { out, state: next } = advance(ofPart(q, part), ofPart(k, part), ofPart(v, part), before, own);
      return { out, next: prefixed(next, part) };
    });
    const next: AttentionState = Object.assign({}, ...results.map((result) => result.next));
    return {
      out: concat(
        results.map(({ out }) => out),
        1,
      ),
      state: next,
    };
  };
}
