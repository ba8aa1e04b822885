/** report.html of a model's attention: one self-contained page, which works without a network. */

import type { HeadSummary } from "../../inference/attention-summary.ts";
import type { SimilarityMatrix } from "../../inference/similarity.ts";
import { amountStops, differenceStops, hexOf, type Colour } from "../picture/colours.ts";
import { toSvg, type Picture } from "../picture/picture.ts";
import { renderLearningRateChart, renderLossChart } from "../report/curves.ts";
import type { CurvePoint } from "../report/data.ts";
import { html, renderDocument, trustedHtml, type Html } from "../report/html.ts";
import { renderResidueLegend, residueClass } from "../report/residues.ts";
import { reportStyle } from "../report/style.ts";
import { formatFixed, formatPercent } from "../../text/numbers.ts";
import { openFile } from "../../data/files.ts";
import { readText } from "../../data/bytes.ts";
import type { PageData, PageMatrix } from "./page-data.ts";
import { attentionStyle } from "./page-style.ts";
import { meanDifference, type Beside } from "./beside-figure.ts";
import { chemicalOrder, describeP, DEVIATIONS, spreadOf, type SimilarityResult } from "./similarity-figure.ts";
import { attentionScale, classOfToken, isSpecial, type AttentionSubject } from "./subject.ts";

export interface PageOptions {
  readonly title: string;
  /** One paragraph: what the model is. */
  readonly summary: string;
  readonly subject: AttentionSubject;
  readonly summaries: readonly HeadSummary[];
  /** The token that is shown first. */
  readonly firstToken: number;
  /** What was cut or chosen, for people. */
  readonly notices: readonly string[];
  readonly similarity: SimilarityResult | undefined;
  /** A second model, and both in one picture. */
  readonly beside?: (Beside & { readonly picture: Picture }) | undefined;
  readonly metrics: readonly CurvePoint[];
  /** The axis of the curves. */
  readonly lossTitle: string;
}

/** The same file beside the source and beside the compiled program. */
const scriptUrl = new URL("./page-script.js", import.meta.url);

/** @returns a complete document; all text from outside is escaped */
export async function renderAttentionPage(options: PageOptions): Promise<string> {
  const { title, summary, subject, summaries, notices, similarity, beside, metrics, lossTitle } = options;
  const { id, count, words, reads, attention, darkest } = subject;
  const learningRate = renderLearningRateChart(metrics);
  const direction = attention.causal ? `no ${words.unit} sees a later one` : `every ${words.unit} sees all`;
  const content = html`<h1>${title}</h1>
    <p>${summary}</p>
    <p class="note">${id}, ${count} ${words.units}; ${direction}. ${describeSpecials(subject)} ${notices.join(" ")}</p>
    <h2>Maps</h2>
    <p class="note">Queries down, keys across, titled layer.head. Choose one to see it large; all share the scale.</p>
    ${renderScale(darkest)}
    <div id="thumbnails"></div>
    <div class="bar-of-tools">
      <b id="which"></b>
      <button type="button" id="smaller" aria-label="Smaller">−</button>
      <button type="button" id="larger" aria-label="Larger">+</button>
    </div>
    <p id="reading" class="note">Point at the map to read its weights; click to follow a ${words.unit} below.</p>
    <div class="scroll"><div id="large"></div></div>
    <h2>One ${words.unit}</h2>
    <div class="bar-of-tools">
      <label><input type="radio" name="direction" id="gives" checked /> attends to</label>
      <label><input type="radio" name="direction" id="receives" /> is attended to by</label>
    </div>
    <div id="letters"></div>
    <p id="who" class="note"></p>
    <svg id="arcs" viewBox="0 0 960 272" role="img" aria-labelledby="who"></svg>
    ${reads === "proteins" ? renderResidueLegend() : undefined}
    <h2>Heads</h2>
    ${renderSummaries(summaries, subject, beside)} ${beside === undefined ? undefined : renderBeside(beside)}
    ${similarity === undefined ? undefined : renderSimilarity(similarity)}
    ${
      metrics.length === 0
        ? undefined
        : html`<h2>Training</h2>
            ${renderLossChart(metrics, { title: lossTitle, baseline: undefined })} ${learningRate}`
    }`;
  return renderDocument({
    title,
    style: `${reportStyle}${attentionStyle}`,
    content,
    script: await readScript(),
    data: pageData(options),
  });
}

/** Without the compiler's pointer to its source map, which does not lie beside the page. */
async function readScript(): Promise<string> {
  const text = await readText(openFile(scriptUrl), scriptUrl.href);
  return text.replace(/^\/\/# sourceMappingURL=.*$/m, "");
}

/** Which tokens are not the protein's or the text's own. */
function describeSpecials(subject: AttentionSubject): string {
  if (subject.reads === "proteins") return "^ and $ are the special tokens before and behind the residues.";
  const specials = subject.names.filter((_, token) => isSpecial(subject, token));
  if (specials.length === 0) return "There are no special tokens around the text.";
  return `${specials.join(" and ")} ${specials.length === 1 ? "is a special token" : "are special tokens"} around the text.`;
}

function pageData({ subject, firstToken, similarity }: PageOptions): PageData {
  const { attention, labels, names, reads, darkest } = subject;
  const { maps, causal } = attention;
  let largest = 1e-12;
  for (const { weights } of maps) for (const weight of weights) largest = Math.max(largest, Math.abs(weight));
  const classes = labels.map((_, token) => classOfToken(subject, token) ?? (isSpecial(subject, token) ? "around" : ""));
  return {
    labels,
    arePieces: reads === "text",
    names,
    classes,
    classOf: Object.fromEntries(Array.from(chemicalOrder, (letter) => [letter, residueClass(letter) ?? ""])),
    causal,
    darkest,
    largest,
    heads: maps.map(({ layer, head, mechanism, weights }) => ({
      layer,
      head,
      mechanism,
      weights: encodeWeights(weights, largest),
    })),
    firstToken,
    amountStops,
    differenceStops,
    deviations: DEVIATIONS,
    matrices:
      similarity === undefined
        ? []
        : [
            pageMatrix(similarity.comparison.with, similarity.reference),
            pageMatrix(`the model (${similarity.view})`, similarity.matrix),
          ],
  };
}

/** Two bytes a weight: by the square root, so that small weights keep three digits too. */
function encodeWeights(weights: Float32Array, largest: number): string {
  const bytes = Buffer.alloc(2 * weights.length);
  weights.forEach((weight, index) => {
    bytes.writeInt16LE(Math.round(Math.sign(weight) * 32767 * Math.sqrt(Math.abs(weight) / largest)), 2 * index);
  });
  return bytes.toString("base64");
}

function pageMatrix(name: string, { letters, values }: SimilarityMatrix): PageMatrix {
  const at = (row: number, column: number) =>
    values[letters.indexOf(chemicalOrder.charAt(row))]?.[letters.indexOf(chemicalOrder.charAt(column))] ?? Number.NaN;
  return {
    name,
    letters: chemicalOrder,
    values: Array.from(chemicalOrder, (_, row) =>
      Array.from(chemicalOrder, (_, column) => (Number.isFinite(at(row, column)) ? at(row, column) : null)),
    ),
    ...spreadOf(chemicalOrder, at),
  };
}

function renderScale(darkest: number): Html {
  const { ticks, title } = attentionScale(darkest);
  return html`<div class="scale">
    <div class="ramp" style="${gradient(amountStops)}"></div>
    <div>${title}</div>
    <div class="ticks">
      ${ticks.map(({ share, text }) => html`<span style="left: ${formatFixed(100 * share, 1)}%">${text}</span>`)}
    </div>
  </div>`;
}

function gradient(stops: readonly Colour[]): string {
  return `background: linear-gradient(to right, ${stops.map(hexOf).join(", ")})`;
}

function renderBeside(beside: Beside & { readonly picture: Picture }): Html {
  // Ours, with all text in it escaped.
  return html`<h2>Beside ${beside.title}</h2>
    <p>
      ${formatPercent(meanDifference(beside))} of the attention goes elsewhere than in ${beside.title}, mean over all
      heads: ½ Σ |a − b| over keys, mean over all queries, special tokens among them.
    </p>
    <div class="scroll">${trustedHtml(toSvg(beside.picture))}</div>`;
}

function renderSummaries(summaries: readonly HeadSummary[], subject: AttentionSubject, beside?: Beside): Html {
  const other = beside === undefined ? [] : [`Elsewhere than in ${beside.title}`];
  return html`<div class="scroll">
      <table class="figures">
        <thead>
          <tr>
            ${["Head", "Entropy", "of uniform", "Distance", "To special tokens", ...other, "Strongest pairs"].map(
              (name) => html`<th scope="col">${name}</th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${summaries.map(
            ({ layer, head, entropyNats, entropyShare, meanDistance, toSpecials, topPartners }, index) =>
              html`<tr>
                <th scope="row">${layer}.${head}</th>
                <td>${formatFixed(entropyNats, 2)}</td>
                <td>${formatPercent(entropyShare)}</td>
                <td>${formatFixed(meanDistance, 1)}</td>
                <td>${formatPercent(toSpecials)}</td>
                ${beside === undefined ? undefined : html`<td>${formatPercent(beside.differences[index] ?? 0)}</td>`}
                <td>
                  ${topPartners
                    .slice(0, 3)
                    .map(({ query, key }) => `${subject.names[query]}→${subject.names[key]}`)
                    .join(", ")}
                </td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <p class="note">
      Entropy in nats, mean over ${subject.words.units}, and as a share of that of uniform attention: near 100 %, a head
      looks everywhere alike. Distance in ${subject.words.units}, weighted by attention.
    </p>`;
}

function renderSimilarity(result: SimilarityResult): Html {
  const { comparison, meaning, views, notes } = result;
  const { ranked, noted, pairs } = comparison;
  const reference = comparison.with;
  return html`<h2>Amino acids</h2>
    <p>${result.conclusion}</p>
    <p class="note">Similarity (${result.view}): ${meaning}. ${notes.join(" ")}</p>
    <div class="scale">
      <div class="ramp" style="${gradient(differenceStops)}"></div>
      <div>standard deviations from the mean of all pairs, from −${DEVIATIONS} to +${DEVIATIONS}</div>
    </div>
    <p id="pair" class="note">Point at a pair to read both values.</p>
    <div id="matrices"></div>
    <div class="scroll">
      <table class="figures">
        <thead>
          <tr>
            ${["View", `Correlation with ${reference}`, "95 % interval", "Permutations as good"].map(
              (name) => html`<th scope="col">${name}</th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${views.map(
            ({ view, correlation, interval, pValue }) =>
              html`<tr>
                <th scope="row">${view}</th>
                <td>${formatFixed(correlation, 2)}</td>
                <td>${formatFixed(interval.low, 2)} to ${formatFixed(interval.high, 2)}</td>
                <td>${describeP(pValue)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <div class="scroll">
      <table class="figures">
        <thead>
          <tr>
            ${["Pair", "Rank", "Similarity", reference].map((name) => html`<th scope="col">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${[...ranked.slice(0, 10), ...noted.filter(({ rank }) => rank > 10)].map(
            ({ pair, rank, similarity, score }) =>
              html`<tr>
                <th scope="row">${pair.split("").join(", ")}</th>
                <td>${rank} of ${pairs}</td>
                <td>${formatFixed(similarity, 3)}</td>
                <td>${score}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
}
