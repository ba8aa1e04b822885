/** All that `performer attention` does: opens the model, measures, draws, writes, and says what came out. */

import { problem } from "../../graph/errors.ts";
import { join } from "node:path";

import { getSplit, loadEmbeddedProteins, type EncodedSequence, type SplitName } from "../../data/index.ts";
import { summariseMap } from "../../inference/attention-summary.ts";
import { predictionPasses } from "../../inference/residue-predictions.ts";
import { longestSequence } from "../../model/positions.ts";
import { outputStack } from "../../model/stacks.ts";
import { createFolder, writeFileAtomically } from "../../storage/files.ts";
import { openRunFolder } from "../../storage/run-folder.ts";
import { wordsOf } from "../../runs/data/words.ts";
import { UsageError } from "../../runs/usage.ts";
import { openInput } from "../input/input.ts";
import { openModel, embeddingModelOf, type EmbeddingModel, type OpenedModel } from "../../runs/open-model.ts";
import { notice, reportProgress, untilAborted, type OnEvent, type TaskContext } from "../../runs/events.ts";
import { toSvg, type Picture } from "../../views/picture/picture.ts";
import { toPng } from "../../views/picture/raster.ts";
import { describeModel, lossTitleOf, readCurves } from "../train/run-report.ts";
import { observeBeside } from "./beside.ts";
import { DEFAULT_COUNT, DEFAULT_SPLIT, type AttentionOptions } from "./options.ts";
import { byLayer, figuresOf, similarityJson, type Explanation } from "./explanation.ts";
import { besideFigure, meanDifference } from "../../views/attention/beside-figure.ts";
import { mapsFigure } from "../../views/attention/maps-figure.ts";
import { observe } from "./observe.ts";
import { renderAttentionPage, type PageOptions } from "../../views/attention/page.ts";
import { defaultOut, lettersOf, readAttentionInput, requireReadable, titleOf } from "./reading.ts";
import { similarityFigure, type SimilarityResult } from "../../views/attention/similarity-figure.ts";
import { measureSimilarity } from "./similarity.ts";
import { isSpecial, type AttentionSubject } from "../../views/attention/subject.ts";
import { tokensFigure } from "../../views/attention/tokens-figure.ts";

/** Tokens that are shown one by one where none are named. */
const SHOWN_TOKENS = 3;

/**
 * @throws UsageError for models of images, input of another kind than the model reads, layers or heads that are not
 *   there, and tokens that the protein or text has not
 * @throws DataError for accessions that are not known, with the nearest one
 */
export async function explainAttention(
  folder: string,
  options: AttentionOptions,
  { signal, onEvent }: TaskContext = {},
): Promise<Explanation> {
  const told = untilAborted(signal, onEvent);
  const opened = await openModel(folder, options, told);
  const model = requireReadable(opened, embeddingModelOf(opened), options);
  const notices: string[] = [];
  const input = await readAttentionInput(model, options, notices);
  const subject = await observe(model.subject, input, options);
  const tokens = chooseTokens(subject, options.tokens);
  const beside =
    options.beside === undefined
      ? undefined
      : await observeBeside(options.beside, { ...model, seen: subject }, options, told);
  const { maps, length } = subject.attention;
  const specials = Array.from({ length }, (_, token) => token).filter((token) => isSpecial(subject, token));
  const summaries = maps.map((map) => summariseMap(map, subject.attention, { specials }));
  const least = Math.min(...summaries.map(({ leastWeight }) => leastWeight));
  if (least < -1e-6) {
    notices.push(
      `Some weights are below 0, down to ${least.toPrecision(2)}, as the mechanism's can be; they are drawn white.`,
    );
  }
  const hasSimilarity = options.similarity && model.reads === "proteins";
  const similarity = hasSimilarity ? await similarityOf(model.subject, options, told) : undefined;
  for (const text of notices) notice(told, `attention: ${text}`);
  const pictures: Record<string, Picture> = {
    attention: mapsFigure(subject),
    tokens: tokensFigure(subject, tokens),
    ...(beside && { beside: besideFigure(subject, beside) }),
    ...(similarity && { similarity: similarityFigure(similarity) }),
  };
  const page = await renderAttentionPage({
    title: `Attention of ${titleOf(opened)}`,
    subject,
    summaries,
    firstToken: tokens[0] ?? subject.firstToken,
    notices,
    similarity,
    beside: beside && pictures["beside"] && { ...beside, picture: pictures["beside"] },
    ...(await aboutModel(opened, model.subject)),
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
  const out = options.out ?? defaultOut(opened);
  await createFolder(out);
  for (const [name, content] of Object.entries(contents)) await writeFileAtomically(join(out, name), content);
  return {
    sequence: {
      id: input.id,
      ...(input.reads === "proteins" ? { residues: input.source } : { text: input.source }),
      tokens: subject.labels,
      units: input.words.units,
      length: subject.count,
      wholeLength: input.wholeLength,
    },
    causal: subject.attention.causal,
    darkest: subject.darkest,
    layers: byLayer(summaries, subject, beside?.differences),
    beside: beside ? { model: beside.title, difference: meanDifference(beside) } : null,
    similarity: similarity ? figuresOf(similarity) : null,
    notices,
    files: Object.keys(contents).map((name) => join(out, name)),
  };
}

/** What the page says of the model itself: its sizes, and of a run how its training went. */
async function aboutModel(
  opened: OpenedModel,
  { config }: EmbeddingModel,
): Promise<Pick<PageOptions, "summary" | "metrics" | "lossTitle">> {
  const sizes = describeModel({ model: config }).replace(/^./, (letter) => letter.toUpperCase());
  if (opened.kind === "pretrained") {
    const { origin } = opened.model;
    return { summary: `${sizes}${origin === undefined ? "" : `, made from ${origin}`}.`, metrics: [], lossTitle: "" };
  }
  const { data } = opened.run.config;
  const { vocabulary } = embeddingModelOf(opened);
  return {
    summary: `${sizes}.`,
    metrics: await readCurves(await openRunFolder(opened.name)),
    lossTitle: lossTitleOf(data.task, wordsOf(data.kind, data.task, vocabulary)),
  };
}

/** The tokens named, or those whose mean attention is farthest from uniform. */
function chooseTokens(subject: AttentionSubject, numbers: readonly number[] | undefined): readonly number[] {
  const { attention, firstToken, count, words } = subject;
  const wrong = numbers?.find((number) => number < 1 || number > count);
  if (wrong !== undefined) {
    throw new UsageError(
      problem`--tokens must be numbers of ${words.units} from 1 to ${count}, got ${wrong}; count from the first
      ${words.unit} that is shown`,
    );
  }
  if (numbers !== undefined) return numbers.map((number) => number - 1 + firstToken);
  const { length, causal, maps } = attention;
  const spread = Array.from({ length: count }, (_, index) => {
    const query = index + firstToken;
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

async function similarityOf(
  subject: EmbeddingModel,
  options: AttentionOptions,
  onEvent: OnEvent,
): Promise<SimilarityResult> {
  const { config, tensors, vocabulary, backend } = subject;
  const { fasta, standardInput, split = DEFAULT_SPLIT, count = DEFAULT_COUNT, layers, heads, seed } = options;
  // Longer ones are read as far as the model has learned positions.
  const most = Math.min(longestSequence(config).length, config.maxSeqLen) - (outputStack(config).causal ? 1 : 2);
  const sequences: EncodedSequence[] = [];
  const tell = (line: string) => notice(onEvent, line);
  const given = { ...(fasta !== undefined && { fasta }), ...(standardInput && { standardInput }) };
  const all = fasta === undefined ? embeddedSequences(split, subject) : openInput(subject, given, tell).sequences();
  for await (const { id, tokenIds } of all) {
    sequences.push({ id, tokenIds: tokenIds.subarray(0, most) });
    if (sequences.length >= count) break;
  }
  const total = sequences.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  const passes = options.similarityOf === "predictions" ? predictionPasses(config) : 0;
  const progress = reportProgress(onEvent, {
    label: "attention: amino acids",
    unit: "residues",
    total: (1 + passes) * total,
  });
  try {
    return await measureSimilarity({
      config,
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

/** The embedded proteins, encoded with the model's own alphabet. */
async function* embeddedSequences(split: SplitName, subject: EmbeddingModel): AsyncGenerator<EncodedSequence> {
  const proteins = await loadEmbeddedProteins();
  const letters = lettersOf(subject);
  for (const { id, tokenIds } of getSplit(proteins, split)) {
    const residues = proteins.vocabulary.decode(tokenIds);
    yield { id, tokenIds: subject.encode?.(residues, id).tokenIds ?? letters.encode(residues, { recordId: id }) };
  }
}
