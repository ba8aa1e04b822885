/** Which models a ready class takes, and how a trained model of another kind becomes one of them. */
import { problem } from "../graph/errors.ts";
import { ConfigError, withFreshHead, type FreshHeadOptions, type ModelConfig } from "../model/index.ts";
import type { NdArray } from "../graph/ndarray.ts";

/** The part of a configuration that tells one ready class from another. */
export type ModelKind = Pick<ModelConfig, "architecture" | "head">;

/** The classes of ready models, and what their models are; the first is the default of `create`. */
export const kindsOfClasses = {
  PerformerForCausalLM: [{ architecture: "decoder", head: "language-modeling" }],
  PerformerForMaskedLM: [{ architecture: "encoder", head: "language-modeling" }],
  PerformerForSeq2SeqLM: [{ architecture: "encoder-decoder", head: "language-modeling" }],
  PerformerForSequenceClassification: [
    { architecture: "encoder", head: "sequence-classification" },
    { architecture: "encoder", head: "regression" },
    { architecture: "decoder", head: "sequence-classification" },
    { architecture: "decoder", head: "regression" },
  ],
  PerformerForTokenClassification: [{ architecture: "encoder", head: "token-classification" }],
} as const satisfies Readonly<Record<string, readonly ModelKind[]>>;

/** The class that takes a model; undefined where none does. */
export function classFor(config: ModelKind): string | undefined {
  const found = Object.entries(kindsOfClasses).find(([, kinds]) => hasKind({ kinds }, config));
  return found?.[0];
}

/** The part of a class that decides which models it takes. */
export interface KnownKinds {
  /** The class's name in Hugging Face's `architectures`. */
  readonly architectureName: string;
  /** The kinds of models that the class takes; the first is the default. */
  readonly kinds: readonly ModelKind[];
}

/**
 * A new output layer on the body of a saved model of another kind, as Hugging Face's from_pretrained gives one.
 *
 * `numLabels`, or `head: "regression"`, asks for it; a saved model that has that head already is loaded with its own.
 */
export type NewHeadOptions = Partial<FreshHeadOptions> & {
  /** Called with a line that says which weights were drawn anew, and which were left out. Default: not called. */
  readonly onNotice?: (notice: string) => void;
};

interface Weighted {
  readonly config: ModelConfig;
  readonly tensors: Readonly<Record<string, NdArray>>;
}

/** Options that mean nothing without a new head. */
const ofNewHeads = [
  "pooling",
  "labelMean",
  "labelDeviation",
  "dropout",
] as const satisfies readonly (keyof NewHeadOptions)[];

/** @throws ConfigError for a model of another class, which it names */
export function checkKind(its: KnownKinds, config: ModelKind, who: string): void {
  if (hasKind(its, config)) return;
  const kinds = its.kinds.map(({ architecture, head }) => `'${architecture}' with head '${head}'`).join(" or ");
  const right = classFor(config) ?? (config.head === "none" ? "loadPretrained and embedTexts" : undefined);
  const fix = right === undefined ? "no class is made for it: use train and generateTargets" : `use ${right}`;
  const other = headFor(its, config, {}) === undefined ? "" : ", or give numLabels for a new output layer on its body";
  throw new ConfigError(
    problem`${who}: ${its.architectureName} must be ${kinds}, got '${config.architecture}' with head '${config.head}';
    ${fix}${other}`,
  );
}

/**
 * A saved model as a class takes it: as it is, or with a new output layer where one is asked for.
 *
 * @param seed decides the weights of the new layer
 * @throws ConfigError for a model that the class cannot take, and for options of a new head where there is none
 */
export function fitKind(its: KnownKinds, saved: Weighted, options: NewHeadOptions, seed: number): Weighted {
  const { head, numLabels, onNotice } = options;
  const { config, tensors } = saved;
  const isSame =
    hasKind(its, config) &&
    (head ?? config.head) === config.head &&
    (numLabels ?? config.numLabels) === config.numLabels;
  // A number of labels alone changes nothing else about a model that has labels.
  const ofKind = { head: head ?? (hasKind(its, config) ? config.head : undefined) };
  const wanted = head === undefined && numLabels === undefined ? undefined : headFor(its, config, ofKind);
  if (isSame || wanted === undefined) {
    checkKind(its, config, "from_pretrained");
    const alone = ofNewHeads.find((key) => options[key] !== undefined);
    if (alone === undefined && isSame) return saved;
    throw new ConfigError(
      isSame
        ? problem`from_pretrained: ${alone ?? ""} must come with a new output layer, got a saved model that has its own;
          leave it out`
        : problem`from_pretrained: head must be one that ${its.architectureName} has with architecture
          '${config.architecture}', got '${head ?? ""}'; leave it out`,
    );
  }
  const given = Object.fromEntries(
    (["numLabels", ...ofNewHeads] as const).flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])),
  );
  const { fresh, dropped, ...headed } = withFreshHead(config, tensors, { ...given, head: wanted }, seed);
  const left = dropped.length === 0 ? "" : `; left behind: ${dropped.join(", ")}`;
  onNotice?.(
    `${its.architectureName}: ${fresh.join(", ")} were drawn anew with seed ${seed}${left}; train the model ` +
      "before you use it",
  );
  return headed;
}

function hasKind({ kinds }: Pick<KnownKinds, "kinds">, config: ModelKind): boolean {
  return kinds.some(({ architecture, head }) => config.architecture === architecture && config.head === head);
}

/** The head that a class puts on a body of this architecture. */
function headFor(
  { kinds }: KnownKinds,
  { architecture }: ModelKind,
  { head }: { readonly head?: ModelConfig["head"] | undefined },
): FreshHeadOptions["head"] | undefined {
  return kinds
    .filter((kind) => kind.architecture === architecture && (head ?? kind.head) === kind.head)
    .map((kind) => kind.head)
    .find((each) => each !== "language-modeling" && each !== "pointer" && each !== "none");
}
