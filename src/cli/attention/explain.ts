// All that `performer attention` does: reads the run, measures, draws, writes, and says what came out.

import { join } from "node:path";

import { getSplit, loadEmbeddedProteins, vocabularyFrom } from "../../data/index.ts";
import type { EncodedSequence, Vocabulary } from "../../data/index.ts";
import { attentionMaps } from "../../inference/attention-maps.ts";
import type { AttentionMaps } from "../../inference/attention-maps.ts";
import { summariseMap } from "../../inference/attention-summary.ts";
import type { ModelConfig } from "../../model/config.ts";
import { longestSequence } from "../../model/positions.ts";
import { outputStack } from "../../model/stacks.ts";
import { createFolder, writeFileAtomically } from "../../storage/files.ts";
import { openRunFolder } from "../../storage/run-folder.ts";
import type { AttentionVerbOptions } from "../attention.ts";
import { wordsOf } from "../data/words.ts";
import { asUsage, UsageError } from "../failures.ts";
import { createProgress } from "../output/progress.ts";
import { toSvg } from "../picture/picture.ts";
import type { Picture } from "../picture/picture.ts";
import { toPng } from "../picture/raster.ts";
import { openRunModel } from "../run-model.ts";
import type { RunModel } from "../run-model.ts";
import { describeModel, lossTitleOf, readCurves } from "../run-report.ts";
import { readSequences } from "../sequence-input.ts";
import type { InputSequence } from "../sequence-input.ts";
import { byLayer, figuresOf, similarityJson } from "./explanation.ts";
import type { Explanation } from "./explanation.ts";
import { mapsFigure } from "./maps-figure.ts";
import { renderAttentionPage } from "./page.ts";
import { similarityFigure } from "./similarity-figure.ts";
import { predictionPasses } from "../../inference/residue-predictions.ts";
import { measureSimilarity } from "./similarity.ts";
import type { SimilarityResult } from "./similarity.ts";
import { darkestOf, specialLetters } from "./subject.ts";
import type { AttentionSubject } from "./subject.ts";
import { tokensFigure } from "./tokens-figure.ts";

/** Longer maps have points smaller than a pixel of a screen. */
const LONGEST = 256;
/** Weights that a page holds, two bytes each: 21 MB of text. */
const PAGE_WEIGHTS = 8 * 2 ** 20;
/** Residues that are shown one by one where none are named. */
const SHOWN_TOKENS = 3;

interface ExplainOptions extends AttentionVerbOptions {
  readonly out: string;
}

/**
 * @throws UsageError for models without proteins, layers or heads that are not there, and residues that the protein has not
 * @throws DataError for accessions that are not known, with the nearest one
 */
export async function explainAttention(path: string, options: ExplainOptions): Promise<Explanation> {
  const run = await openRunModel(path, options);
  const vocabulary = vocabularyFrom(run.config.vocabulary);
  const whole = await firstOf(readSequences({ sequence: [options.sequence] }, vocabulary));
  const notices: string[] = [];
  const protein = cutToLength(whole, run.config.model, options, notices);
  const subject = await asUsage(() => observe(run, vocabulary, protein, options));
  const tokens = chooseTokens(subject, options.tokens);
  const { maps, length } = subject.attention;
  const specials = Array.from({ length }, (_, token) => token).filter((token) => isSpecial(subject, token));
  const summaries = maps.map((map) => summariseMap(map, subject.attention, { specials }));
  const least = Math.min(...summaries.map(({ leastWeight }) => leastWeight));
  if (least < -1e-6) {
    notices.push(
      `Some weights are below 0, down to ${least.toPrecision(2)}, as the mechanism's can be; they are drawn white.`,
    );
  }
  const similarity = options.similarity ? await similarityOf(run, vocabulary, options) : undefined;
  for (const notice of notices) process.stderr.write(`attention: ${notice}\n`);
  const folder = await openRunFolder(path);
  const { task } = run.config.data;
  const pictures: Record<string, Picture> = {
    attention: mapsFigure(subject),
    tokens: tokensFigure(subject, tokens),
    ...(similarity && { similarity: similarityFigure(similarity) }),
  };
  const page = renderAttentionPage({
    title: `Attention of ${run.config.name}`,
    summary: `${describeModel(run.config)}.`.replace(/^./, (letter) => letter.toUpperCase()),
    subject,
    summaries,
    firstToken: tokens[0] ?? subject.firstResidue,
    notices,
    similarity,
    metrics: await readCurves(folder),
    lossTitle: lossTitleOf(task, wordsOf("proteins", task, vocabulary)),
  });
  const contents: Record<string, string | Uint8Array> = {
    ...Object.fromEntries(
      Object.entries(pictures).flatMap(([name, picture]) => [
        [`${name}.svg`, toSvg(picture)],
        [`${name}.png`, toPng(picture)],
      ]),
    ),
    ...(similarity && { "similarity.json": similarityJson(similarity) }),
    "report.html": page,
  };
  await createFolder(options.out);
  for (const [name, content] of Object.entries(contents)) await writeFileAtomically(join(options.out, name), content);
  return {
    sequence: {
      id: protein.id,
      residues: protein.residues,
      length: protein.residues.length,
      wholeLength: whole.residues.length,
    },
    causal: subject.attention.causal,
    darkest: subject.darkest,
    layers: byLayer(summaries, subject),
    similarity: similarity ? figuresOf(similarity) : null,
    notices,
    files: Object.keys(contents).map((name) => join(options.out, name)),
  };
}

async function firstOf(sequences: AsyncIterable<InputSequence>): Promise<InputSequence> {
  for await (const sequence of sequences) return sequence;
  throw new UsageError("--sequence must name one protein, got none; give its accession or its residues");
}

/** Special tokens around the residues. */
function extraTokens(config: ModelConfig): number {
  return outputStack(config).causal ? 1 : 2;
}

function cutToLength(
  protein: InputSequence,
  config: ModelConfig,
  { length: wanted, layers, heads }: ExplainOptions,
  notices: string[],
): InputSequence {
  const maps = (layers?.length ?? config.numLayers) * (heads?.length ?? config.numHeads);
  const extra = extraTokens(config);
  const onPage = Math.floor(Math.sqrt(PAGE_WEIGHTS / maps)) - extra;
  const { length: longest, reason } = longestSequence(config);
  if (wanted !== undefined && wanted > onPage) {
    throw new UsageError(
      `--length must be at most ${onPage} for ${maps} heads, as a map is as large as the square, got ${wanted}; ` +
        "choose fewer --layers or --heads, or give a part of the protein with --sequence",
    );
  }
  if (wanted !== undefined && wanted + extra > longest) {
    throw new UsageError(`--length must be at most ${longest - extra} with ${reason}, got ${wanted}; make it smaller`);
  }
  const length = Math.min(wanted ?? LONGEST, onPage, longest - extra);
  if (protein.residues.length <= length) return protein;
  notices.push(
    `The first ${length} of ${protein.residues.length} residues are shown; --length shows up to ${Math.min(onPage, longest - extra)}, ` +
      "--sequence takes any part.",
  );
  return { ...protein, residues: protein.residues.slice(0, length), tokenIds: protein.tokenIds.subarray(0, length) };
}

async function observe(
  { config, tensors, backend }: RunModel,
  { bosId, eosId }: Vocabulary,
  protein: InputSequence,
  { layers, heads }: ExplainOptions,
): Promise<AttentionSubject> {
  const wrapped = extraTokens(config.model) === 2;
  const tokenIds = [bosId, ...protein.tokenIds, ...(wrapped ? [eosId] : [])];
  const attention: AttentionMaps = await attentionMaps({
    config: config.model,
    tensors,
    backend,
    tokenIds,
    ...(layers && { layers }),
    ...(heads && { heads }),
  });
  return {
    id: protein.id,
    attention,
    letters: `${specialLetters.bos}${protein.residues}${wrapped ? specialLetters.eos : ""}`,
    firstResidue: 1,
    residues: protein.residues.length,
    darkest: darkestOf(attention),
  };
}

function isSpecial({ firstResidue, residues }: AttentionSubject, token: number): boolean {
  return token < firstResidue || token >= firstResidue + residues;
}

/** Tokens of the residues named, or of those whose mean attention is farthest from uniform. */
function chooseTokens(subject: AttentionSubject, numbers: readonly number[] | undefined): readonly number[] {
  const { attention, firstResidue, residues } = subject;
  const wrong = numbers?.find((number) => number < 1 || number > residues);
  if (wrong !== undefined) {
    throw new UsageError(
      `--tokens must be numbers of residues from 1 to ${residues}, got ${wrong}; count from the first residue that is shown`,
    );
  }
  if (numbers !== undefined) return numbers.map((number) => number - 1 + firstResidue);
  const { length, causal, maps } = attention;
  const spread = Array.from({ length: residues }, (_, index) => {
    const query = index + firstResidue;
    // A query that sees next to nothing has no choice.
    if (causal && query < length / 4) return { query, selectivity: 0 };
    const visible = causal ? query + 1 : length;
    let deviation = 0;
    for (let key = 0; key < visible; key++) {
      let weight = 0;
      for (const map of maps) weight += (map.weights[query * length + key] ?? 0) / maps.length;
      if (key !== query) deviation += Math.abs(weight - 1 / visible);
    }
    return { query, selectivity: deviation };
  });
  return spread
    .toSorted((a, b) => b.selectivity - a.selectivity)
    .slice(0, SHOWN_TOKENS)
    .map(({ query }) => query)
    .toSorted((a, b) => a - b);
}

async function similarityOf(run: RunModel, vocabulary: Vocabulary, options: ExplainOptions): Promise<SimilarityResult> {
  const { config, tensors, backend } = run;
  const { fasta, split, count, layers, heads, seed } = options;
  // Longer ones are read as far as the model has learned positions.
  const most = Math.min(longestSequence(config.model).length, config.model.maxSeqLen) - extraTokens(config.model);
  const sequences: EncodedSequence[] = [];
  const all = fasta === undefined ? embeddedSequences(split, vocabulary) : readSequences({ fasta }, vocabulary);
  for await (const { id, tokenIds } of all) {
    sequences.push({ id, tokenIds: tokenIds.subarray(0, most) });
    if (sequences.length >= count) break;
  }
  const total = sequences.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  const passes = options.similarityOf === "predictions" ? predictionPasses(config.model) : 0;
  const progress = createProgress({ label: "attention: amino acids", unit: "residues", total: (1 + passes) * total });
  try {
    return await measureSimilarity({
      config: config.model,
      tensors,
      vocabulary,
      backend,
      sequences,
      seed,
      source: fasta ?? `the embedded ${split} split`,
      view: options.similarityOf,
      onProgress: (tokens) => progress.update(tokens),
      onPrediction: (tokens) => progress.update(total + tokens),
      ...(layers && { layers }),
      ...(heads && { heads }),
    });
  } finally {
    progress.stop();
  }
}

/** Of the embedded proteins, in the ids of the run's own alphabet. */
async function* embeddedSequences(
  split: ExplainOptions["split"],
  vocabulary: Vocabulary,
): AsyncGenerator<EncodedSequence> {
  const proteins = await loadEmbeddedProteins();
  for (const { id, tokenIds } of getSplit(proteins, split)) {
    yield { id, tokenIds: vocabulary.encode(proteins.vocabulary.decode(tokenIds), { recordId: id }) };
  }
}
