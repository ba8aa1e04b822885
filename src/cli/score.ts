/** `performer score`: how likely proteins are under a trained model, and what every mutation of one would change. */

import { Option, type Command } from "commander";

import { scoringMethods } from "../inference/score.ts";
import { TOKENS_PER_BATCH } from "../inference/sequence-runs.ts";
import { checkOutputs } from "../tasks/score/mutant-files.ts";
import { formatMutants } from "../tasks/score/mutant-report.ts";
import { openScores, scoreAllMutants, type MutantOptions } from "../tasks/score/score.ts";
import { createScoreTable, scoreDocument } from "../tasks/score/score-report.ts";
import { addDtypeOption } from "./dtype.ts";
import { addSequenceOptions, standardInput } from "./input-options.ts";
import { openJsonList } from "../text/json-list.ts";
import { printJson } from "./output/json.ts";
import { showEvents } from "./output/show-events.ts";
import { writeText } from "./output/write-text.ts";
import { addEngineOptions, collect, createVerb, positiveInteger } from "./verb.ts";

interface ScoreVerbOptions extends MutantOptions {
  readonly mutants?: boolean;
  readonly json?: boolean;
}

export function scoreCommand(): Command {
  const command = createVerb({
    name: "score",
    summary:
      "Score how likely proteins are under a trained model, or what each single mutation of a protein would change.",
    examples: [
      ["score runs/demo --sequence MKVLATGAAG", "one protein"],
      ["score runs/demo --fasta designs.fasta --json > scores.json", "a file of any size, each residue's share too"],
      ["score runs/demo --sequence P00974 --mutants", "the most harmful and the most favourable mutations"],
      [
        "score runs/demo --sequence P00974 --mutants --out map.svg --out map.csv",
        "all of them, as a heat map and a table",
      ],
      ["score esm2_t6_8M_UR50D --sequence P00974 --mutants", "by a pretrained model, or its name on the hub"],
      ["score runs/masked --fasta designs.fasta --method one-pass", "an encoder, quickly and about"],
    ],
  })
    .argument(
      "<folder>",
      "the run folder that train wrote; or a pretrained model of proteins, its folder or its name on the hub",
    )
    .option(
      "--tag <name>",
      "score as one of this family or organism, for models trained with --set data.tags; config.json lists them",
    )
    .option("--mutants", "score all 19 · length single mutants of one protein instead")
    .addOption(
      new Option(
        "--method <name>",
        "for models trained with --task masked: masked hides each residue in turn (default), one-pass is approximate",
      ).choices(scoringMethods),
    )
    .option(
      "--tokens-per-batch <count>",
      `tokens per pass, padding included (default: ${TOKENS_PER_BATCH})`,
      positiveInteger,
    )
    .option("--out <file>", "with --mutants: a heat map, .svg or .png, or the table, .csv; may be repeated", collect)
    .addHelpText(
      "after",
      `
A decoder gives log p(protein), the sum of log p(residue | those before it); the end is left out, as
in eval. A masked model gives the pseudo-log-likelihood, the sum of log p(residue | all others), as
many passes as there are residues. Both in nats, over the whole vocabulary.`,
    );
  return addEngineOptions(addDtypeOption(addSequenceOptions(command))).action(score);
}

async function score(folder: string, { json, mutants, ...options }: ScoreVerbOptions): Promise<void> {
  const { out } = options;
  checkOutputs({ ...(out && { out }), ...(mutants !== undefined && { mutants }) });
  using display = showEvents();
  const asked = { ...options, ...standardInput };
  if (mutants === true) {
    const { result, scores } = await scoreAllMutants(folder, asked, display);
    if (json === true) await printJson(result);
    else process.stdout.write(formatMutants(scores, result.files));
    return;
  }
  const { longestId, scores } = await openScores(folder, asked, display);
  if (json === true) {
    const list = openJsonList("sequences", (text) => writeText(process.stdout, text));
    for await (const each of scores) await list.add(scoreDocument(each));
    await list.end();
  } else {
    const table = createScoreTable(longestId);
    for await (const each of scores) process.stdout.write(table.row(each));
  }
}
