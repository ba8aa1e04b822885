/** What `performer export` says to people. */

import { basename, dirname } from "node:path";

import type { ExportableModel, OnnxExport } from "../../convert/index.ts";
import { describeMechanism } from "../../model/stacks.ts";
import { formatCount } from "../../text/numbers.ts";

/** Names of transformers.js for how weights are stored. */
const foreignDtypes = { float32: "fp32", float16: "fp16", int8: "q8" } as const;

/** Names of transformers.js for kinds of pooling; one that it lacks is left out. */
const foreignPoolings: Readonly<Record<string, string>> = { mean: "mean", cls: "cls", last: "last_token" };

/** The files, what goes in and out, and how they are used. */
export function describeExport(out: string, model: ExportableModel, exported: OnnxExport): string {
  const { modelPath, sizeBytes, dtype, inputs, outputs, longest, states, hasTokenizer } = exported;
  const size = `${(sizeBytes / 1e6).toFixed(1)} MB`;
  return [
    `${out}/${modelPath}: ${model.name} with ${describeMechanism(model.config)}, ${dtype}, ${size}, up to ${formatCount(longest)} tokens`,
    `in:  ${describeValues(inputs, states.length)}`,
    `out: ${describeValues(outputs, states.length)}`,
    ...(states.length > 0 ? [`${states.length} states of fixed size, in config.json under performer.states`] : []),
    ...(hasTokenizer ? [] : ["Without a tokenizer: that format has no bytes or pixels."]),
    ...(states.length === 0 && hasTokenizer ? ["", usage(out, model, dtype, Object.keys(outputs))] : []),
  ].join("\n");
}

function describeValues(values: OnnxExport["inputs"], numStates: number): string {
  const shown = Object.entries(values).slice(0, numStates === 0 ? undefined : 2);
  const rest = Object.keys(values).length - shown.length;
  const texts = shown.map(([name, axes]) => `${name} [${axes.join(", ")}]`);
  return [...texts, ...(rest > 0 ? [`${rest} more`] : [])].join(", ");
}

/** Lines for Node or a page. */
function usage(out: string, model: ExportableModel, dtype: OnnxExport["dtype"], outputs: readonly string[]): string {
  const predicts = !outputs.includes("last_hidden_state");
  const tasks = { "token-classification": "token-classification", "language-modeling": "fill-mask" } as const;
  const { head } = model.config;
  const task = !predicts
    ? "feature-extraction"
    : head === "token-classification" || head === "language-modeling"
      ? tasks[head]
      : "text-classification";
  const pooling = foreignPoolings[model.pooling ?? ""];
  const options = [
    ...(pooling === undefined ? [] : [`pooling: "${pooling}"`]),
    ...(model.normalize === true ? ["normalize: true"] : []),
  ];
  const given = predicts || options.length === 0 ? "" : `, { ${options.join(", ")} }`;
  return [
    'import { env, pipeline } from "@huggingface/transformers";',
    `env.allowRemoteModels = false; env.localModelPath = ${JSON.stringify(`${dirname(out)}/`)};`,
    `const run = await pipeline("${task}", ${JSON.stringify(basename(out))}, { dtype: "${foreignDtypes[dtype]}" });`,
    `await run(["…"]${given});`,
  ].join("\n");
}
