/** Options that do not go together, each with the reason and the way out. */
import { ConfigError, problem } from "../graph/errors.ts";
import type { AttentionMechanism } from "../attention/mechanism.ts";
import { attentionSites, isList, stacksOf, type AttentionSite } from "./stacks.ts";
import type { ModelConfig, ParsedOptions } from "./config-schema.ts";
import { mostPlaces } from "./patches.ts";

/** A rule that a configuration breaks; parts of one sentence. */
interface Broken {
  readonly rule: string;
  readonly got: string;
  readonly fix: string;
}

/** @returns undefined where the rule holds */
type Rule = (options: ParsedOptions) => Broken | undefined;

const headsOfArchitecture = {
  decoder: ["language-modeling", "sequence-classification", "regression", "none"],
  encoder: ["language-modeling", "sequence-classification", "regression", "token-classification", "none"],
  "encoder-decoder": ["language-modeling", "pointer"],
} as const satisfies Record<ModelConfig["architecture"], readonly ModelConfig["head"][]>;

const classifying: readonly string[] = ["sequence-classification", "token-classification"];
const headsOfImages: readonly string[] = ["sequence-classification", "regression", "none"];
const ofEncoderDecoders = ["numDecoderLayers", "decoderMechanism", "crossMechanism"] as const;

const rules: readonly Rule[] = [
  ({ architecture, head }) => {
    const heads: readonly string[] = headsOfArchitecture[architecture];
    if (heads.includes(head)) return undefined;
    const having = Object.entries(headsOfArchitecture).filter(([, each]) => each.some((one) => one === head));
    return {
      rule: `head of architecture '${architecture}' must be one of ${heads.join(", ")}`,
      got: `'${head}'`,
      fix: `for that head use architecture ${having.map(([name]) => `'${name}'`).join(" or ")}`,
    };
  },
  ({ head, numLabels }) =>
    classifying.includes(head) && (numLabels ?? 0) < 2
      ? { rule: `numLabels must be 2 or more for head '${head}'`, got: String(numLabels ?? "nothing"), fix: "give it" }
      : undefined,
  ({ head, numLabels }) =>
    numLabels !== undefined && head !== "regression" && !classifying.includes(head)
      ? {
          rule: `numLabels must come with a head that has labels (${[...classifying, "regression"].join(", ")})`,
          got: `head '${head}'`,
          fix: "leave it out",
        }
      : undefined,
  ({ head, labelMean, labelDeviation }) =>
    head !== "regression" && (labelMean !== undefined || labelDeviation !== undefined)
      ? {
          rule: "labelMean and labelDeviation must come with head 'regression'",
          got: `'${head}'`,
          fix: "leave them out",
        }
      : undefined,
  (options) => {
    const given = ofEncoderDecoders.find((name) => options[name] !== undefined);
    return given !== undefined && options.architecture !== "encoder-decoder"
      ? {
          rule: `${given} must come with architecture 'encoder-decoder'`,
          got: `'${options.architecture}'`,
          fix: "leave it out",
        }
      : undefined;
  },
  ({ architecture, head, pooling }) =>
    architecture === "decoder" && pooling === "first" && head !== "language-modeling"
      ? {
          rule: "pooling of architecture 'decoder' must be 'mean' or 'last'",
          got: "'first', a token that has seen no other",
          fix: "use 'mean'",
        }
      : undefined,
  ({ head, headTransform, headBias }) =>
    head !== "language-modeling" && (headTransform || headBias)
      ? {
          rule: "headTransform and headBias must come with head 'language-modeling'",
          got: `'${head}'`,
          fix: "leave them out",
        }
      : undefined,
  ({ architecture, tokenDropout }) =>
    tokenDropout !== undefined && architecture !== "encoder"
      ? {
          rule: "tokenDropout must come with architecture 'encoder', which sees how many tokens are hidden",
          got: `'${architecture}'`,
          fix: "leave it out",
        }
      : undefined,
  ({ patches, architecture, head }) =>
    patches !== undefined && (architecture !== "encoder" || !headsOfImages.includes(head))
      ? {
          rule: `patches must come with architecture 'encoder' and head ${headsOfImages.join(", ")}`,
          got: `'${architecture}' and '${head}'`,
          fix: "change them, or leave patches out, and every intensity is a token",
        }
      : undefined,
  ({ patches }) =>
    patches !== undefined && (patches.width % patches.size !== 0 || patches.height % patches.size !== 0)
      ? {
          rule: `patches.size must divide the width and the height of images, ${patches.width} and ${patches.height}`,
          got: String(patches.size),
          fix: "use a divisor, or resize the images",
        }
      : undefined,
  ({ patches }) => {
    if (patches === undefined) return undefined;
    const wrong = (["mean", "deviation"] as const).find(
      (name) => patches[name] !== undefined && patches[name].length !== patches.channels,
    );
    return wrong === undefined
      ? undefined
      : {
          rule: `patches.${wrong} must hold a number for each of ${patches.channels} channels`,
          got: String(patches[wrong]?.length),
          fix: "list one a channel, or leave it out",
        };
  },
  ({ patches, tokenDropout }) =>
    patches !== undefined && tokenDropout !== undefined
      ? { rule: "patches must come without tokenDropout, which hides tokens", got: "both", fix: "leave one out" }
      : undefined,
  ({ padId, vocabSize }) =>
    padId >= vocabSize
      ? { rule: `padId must be below vocabSize ${vocabSize}`, got: String(padId), fix: "use the vocabulary's padId" }
      : undefined,
  ({ reversible, normPlacement }) =>
    reversible && normPlacement === "post"
      ? {
          rule: "a reversible model must have its norms inside the branches",
          got: "normPlacement 'post', through which there is no way back",
          fix: "use 'pre' or 'rezero'",
        }
      : undefined,
  ({ reversible, architecture }) =>
    reversible && architecture === "encoder-decoder"
      ? {
          rule: "reversible must come with one stack of blocks",
          got: "architecture 'encoder-decoder'",
          fix: "use 'decoder' or 'encoder', or leave reversible out",
        }
      : undefined,
  ({ positions, modelDim }) =>
    positions === "sinusoidal" && modelDim % 2 !== 0
      ? { rule: "sinusoidal positions must have an even modelDim", got: String(modelDim), fix: "use an even one" }
      : undefined,
  ({ positions, axialShape }) =>
    axialShape !== undefined && positions !== "axial"
      ? { rule: "axialShape must come with positions 'axial'", got: `'${positions}'`, fix: "leave it out" }
      : undefined,
  ({ axialShape: [rows, columns] = [1, Number.POSITIVE_INFINITY], maxSeqLen, patches }) => {
    const places = mostPlaces({ patches, maxSeqLen });
    return rows * columns < places
      ? {
          rule: `axialShape must have a place for each of ${patches ? "" : "maxSeqLen "}${places} positions`,
          got: `${rows} × ${columns}`,
          fix: `use ${rows} × ${Math.ceil(places / rows)}`,
        }
      : undefined;
  },
];

/** @throws ConfigError for options of which one excludes the other */
export function checkOptions(options: ParsedOptions): void {
  for (const rule of rules) refuseIf(rule(options));
}

/** @throws ConfigError for mechanisms that cannot stand where the configuration puts them */
export function checkMechanisms(config: ModelConfig): void {
  for (const stack of stacksOf(config)) {
    for (const [name, choices] of [
      [stack.prefix === "decoder." && config.decoderMechanism ? "decoderMechanism" : "mechanism", stack.mechanism],
      ["crossMechanism", stack.crossMechanism],
    ] as const) {
      if (!isList(choices) || choices.length === stack.numLayers) continue;
      const layers = `${stack.numLayers} layers`;
      const rule =
        `${name}, as a list, must hold one for each of the ` +
        `${layers}${stack.prefix && ` of the ${stack.prefix.slice(0, -1)}`}`;
      refuseIf({ rule, got: String(choices.length), fix: "list them all, or name one for all" });
    }
    for (const site of attentionSites(stack)) refuseIf(siteProblem(config, site));
  }
}

/** Why a mechanism cannot stand in a place. */
function siteProblem(config: ModelConfig, site: AttentionSite): Broken | undefined {
  const { numHeads, headDim } = config;
  const maxSeqLen = mostPlaces(config);
  const mechanism: AttentionMechanism = site.mechanism;
  const { causal, cross } = site;
  const got = `'${mechanism.name}'`;
  if (mechanism.statistics !== undefined && (causal || cross)) {
    return {
      rule: cross ? "crossMechanism must know nothing of queries to come" : "mechanism must be causal",
      got: `${got}, which needs statistics of the whole sequence`,
      fix: ownKeyOf(config, site) ?? "use 'favor', or call the mechanism itself with frozen statistics",
    };
  }
  if (mechanism.sharesKeys === true && cross) {
    return {
      rule: "crossMechanism must have keys of its own",
      got: `${got}, whose keys are its queries`,
      fix: "give crossMechanism 'favor' or 'exact'",
    };
  }
  const refused = mechanism.refuse?.({ causal, cross, maxSeqLen, numHeads, headDim });
  if (refused === undefined) return undefined;
  const fix = ownKeyOf(config, site);
  return { ...refused, got: `${refused.got} (${got} in ${site.name})`, fix: fix ?? refused.fix };
}

/**
 * In the decoder of an encoder–decoder, the key that names its mechanisms apart from the encoder's, where it was not
 * given.
 */
function ownKeyOf(
  { architecture, decoderMechanism, crossMechanism }: ModelConfig,
  { cross, causal, mechanism }: AttentionSite,
) {
  if (architecture !== "encoder-decoder") return undefined;
  const apart = `give ${cross ? "crossMechanism" : "decoderMechanism"} 'favor' or 'exact', and '${mechanism.name}' stays in the`;
  if (cross && crossMechanism === undefined) return `${apart} stacks`;
  return causal && decoderMechanism === undefined ? `${apart} encoder` : undefined;
}

function refuseIf(broken: Broken | undefined): void {
  if (broken !== undefined) throw new ConfigError(problem`model: ${broken.rule}, got ${broken.got}; ${broken.fix}`);
}
