/** README.md of a model on the hub: what it is, where it comes from, and how it is loaded. */

import type { ModelConfig } from "../../model/config.ts";
import { countParameters } from "../../model/parameters.ts";
import { describeMechanism } from "../../model/stacks.ts";
import { formatCount } from "../../text/numbers.ts";

export interface CardModel {
  /** `owner/name` on the hub. */
  readonly name: string;
  readonly config: ModelConfig;
  readonly reads: "text" | "proteins" | "images";
  /**
   * The `model_type` of a pretrained or converted model in Hugging Face's library; undefined for runs of `performer
   * train`.
   */
  readonly modelType: string | undefined;
  /** The model that a converted one was made from. */
  readonly origin: string | undefined;
  /** Whether `origin` is a name on the hub, so that the card links to it. */
  readonly isOriginOnHub: boolean;
}

const inputs = {
  text: {
    tag: "feature-extraction",
    call: 'embedTexts(model, ["A sentence."], { backend: createBackend() })',
    option: '--text "A sentence."',
  },
  proteins: {
    tag: "feature-extraction",
    call: 'embedTexts(model, ["MKVLAT"], { backend: createBackend() })',
    option: "--sequence MKVLAT",
  },
  images: {
    tag: "image-feature-extraction",
    call: "embedImages(model, [png], { backend: createBackend() })",
    option: "--image picture.png",
  },
} as const;

/** A model card with the metadata that the hub reads, and no licence: only its owner knows that. */
export function modelCard({ name, config, reads, modelType, origin, isOriginOnHub }: CardModel): string {
  const { tag, call, option } = inputs[reads];
  const isRun = modelType === undefined;
  const facts = [
    ["kind", `${config.architecture}${isRun ? "" : `, of model_type ${modelType}`}`],
    ["attention", describeMechanism(config)],
    ["random features a head", formatCount(config.numFeatures)],
    ["layers × width, heads", `${config.numLayers} × ${config.modelDim}, ${config.numHeads}`],
    ["longest sequence in training", formatCount(config.maxSeqLen)],
    ["weights", formatCount(countParameters(config))],
    ...(origin === undefined ? [] : [["made from", origin]]),
  ];
  return [
    "---",
    "library_name: performer-ts",
    ...(isRun ? [] : [`pipeline_tag: ${tag}`]),
    ...(isOriginOnHub ? [`base_model: ${origin}`] : []),
    "tags:",
    "  - performer",
    "  - linear-attention",
    "---",
    "",
    `# ${name.split("/")[1] ?? name}`,
    "",
    ...facts.map(([what, value]) => `* ${what}: ${value}`),
    "",
    "## How to load it",
    "",
    ...(isRun
      ? ["Download the folder, then:", "", "```sh", `performer eval FOLDER`, "```"]
      : [
          "```sh",
          `performer embed ${name} ${option} --json`,
          "```",
          "",
          "```ts",
          'import { createBackend } from "performer-ts";',
          `import { ${reads === "images" ? "embedImages" : "embedTexts"}, loadPretrained } from "performer-ts/convert";`,
          "",
          `const model = await loadPretrained("${name}");`,
          `const [vector] = await ${call};`,
          "```",
        ]),
    "",
  ].join("\n");
}
