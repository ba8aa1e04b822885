// `performer score`: how likely proteins are under a trained model, and what every mutation of one would change.

import { Option } from "commander";
import type { Command } from "commander";

import { tagId } from "../data/index.ts";
import { scoreMutants } from "../inference/mutants.ts";
import type { MutantScores } from "../inference/mutants.ts";
import { checkMethod, scoreSequences, scoringMethods } from "../inference/score.ts";
import type { ScoringMethod } from "../inference/score.ts";
import { TOKENS_PER_BATCH } from "../inference/sequence-runs.ts";
import { addDtypeOption } from "./dtype.ts";
import type { DtypeOptions } from "./dtype.ts";
import { asUsage, UsageError } from "../runs/usage.ts";
import { memoryLimitOn } from "../runtime/node-memory.ts";
import { printJson } from "./output/json.ts";
import { openJsonList } from "./output/json-list.ts";
import { showResidues } from "./output/residue-progress.ts";
import type { ResidueProgress } from "./output/residue-progress.ts";
import { checkOutputs, writeMutants } from "../tasks/score/mutant-files.ts";
import { formatMutants, mutantsDocument } from "../tasks/score/mutant-report.ts";
import { createScoreTable, scoreDocument } from "../tasks/score/score-report.ts";
import { openScoreSubject } from "../tasks/score/subject.ts";
import type { ScoreSubject } from "../tasks/score/subject.ts";
import { addSequenceOptions, readSequences, surveySequences } from "../tasks/input/sequence-input.ts";
import type { InputSequence, SequenceOptions } from "../tasks/input/sequence-input.ts";
import { addEngineOptions, collect, createVerb, positiveInteger } from "./verb.ts";
import type { EngineOptions } from "../runs/engine-options.ts";

interface ScoreVerbOptions extends SequenceOptions, EngineOptions, DtypeOptions {
  readonly mutants?: boolean;
  readonly tag?: string;
  readonly method?: ScoringMethod;
  readonly tokensPerBatch?: number;
  readonly out?: readonly string[];
  readonly json?: boolean;
}

export function scoreCommand(): Command {
  const command = createVerb({
    name: "score",
    summary:
      "Tell how likely proteins are under a trained model, or what every single mutation of a protein would change.",
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
      "as one of this family or organism, by a model trained with --set data.tags; config.json lists them",
    )
    .option("--mutants", "score all 19 · length single mutants of one protein instead")
    .addOption(
      new Option(
        "--method <name>",
        "of models trained with --task masked: masked hides each residue in turn (default), one-pass is approximate",
      ).choices(scoringMethods),
    )
    .option(
      "--tokens-per-batch <count>",
      `tokens computed at a time, padding included (default: ${TOKENS_PER_BATCH})`,
      positiveInteger,
    )
    .option("--out <file>", "with --mutants: a heat map, .svg or .png, or the table, .csv; may be repeated", collect)
    .addHelpText(
      "after",
      `
A decoder gives log p(protein), the sum of log p(residue | those before it); the end is left out, as in eval. A masked model gives the
pseudo-log-likelihood, the sum of log p(residue | all others), as many passes as there are residues. Both in nats, over the whole vocabulary.`,
    );
  return addEngineOptions(addDtypeOption(addSequenceOptions(command))).action(score);
}

async function score(folder: string, options: ScoreVerbOptions): Promise<void> {
  checkOutputs(options);
  const subject = await openScoreSubject(folder, options);
  await asUsage(() => checkMethod("--method", subject.config, options.method));
  if (options.mutants === true) await printMutants(subject, options);
  else await printScores(subject, options);
}

/** What all scores need. */
function scoring({ config, tensors, vocabulary, backend }: ScoreSubject, options: ScoreVerbOptions) {
  const { dtype, method, tokensPerBatch } = options;
  return {
    config,
    tensors,
    vocabulary,
    backend,
    dtype,
    memoryLimitBytes: memoryLimitOn(backend.device).bytes,
    ...(method && { method }),
    ...(tokensPerBatch !== undefined && { tokensPerBatch }),
  };
}

async function printScores(subject: ScoreSubject, options: ScoreVerbOptions): Promise<void> {
  const survey = await surveySequences(options, subject.letters);
  // What is to be told about the input has been told by then.
  const read = readSequences(options, subject.letters, survey === undefined ? undefined : () => undefined);
  const sequences = asRead(read, subject, options);
  const progress = showResidues("score", survey?.residues);
  const scores = scoreSequences({ ...scoring(subject, options), sequences, onProgress: progress.update });
  try {
    if (options.json === true) {
      const list = openJsonList("sequences");
      for await (const each of scores) await list.add(scoreDocument(each));
      await list.end();
    } else {
      const table = createScoreTable(survey?.longestId);
      for await (const each of scores) process.stdout.write(table.row(each));
    }
  } finally {
    progress.stop();
  }
}

/**
 * By the model's own ids, and behind the tag.
 *
 * @throws DataError when the model has no such tag
 */
async function* asRead(
  sequences: AsyncIterable<InputSequence>,
  { vocabulary, withOwnIds }: ScoreSubject,
  { tag }: ScoreVerbOptions,
) {
  const startId = tag === undefined ? undefined : tagId(vocabulary, tag, "--tag");
  for await (const sequence of sequences) yield { ...withOwnIds(sequence), startId };
}

async function printMutants(subject: ScoreSubject, options: ScoreVerbOptions): Promise<void> {
  const sequence = await onlySequence(subject, options);
  let progress: ResidueProgress | undefined;
  let scores: MutantScores;
  try {
    scores = await scoreMutants({
      ...scoring(subject, options),
      sequence,
      onProgress: (tokens, of) => (progress ??= showResidues("score mutants", of)).update(tokens),
    });
  } finally {
    progress?.stop();
  }
  const files = await writeMutants(options.out ?? [], scores);
  if (options.json === true) await printJson({ ...mutantsDocument(scores), files });
  else process.stdout.write(formatMutants(scores, files));
}

/** @throws UsageError for more than one protein */
async function onlySequence(subject: ScoreSubject, options: ScoreVerbOptions): Promise<InputSequence> {
  const found: InputSequence[] = [];
  for await (const sequence of asRead(readSequences(options, subject.letters), subject, options)) {
    found.push(sequence);
    if (found.length > 1) break;
  }
  const [only, another] = found;
  if (only !== undefined && another === undefined) return only;
  throw new UsageError(
    `--mutants must be given one protein, got ${found.map(({ id }) => id).join(" and ") || "none"}; name one with --sequence`,
  );
}
