/** report.html of a run: one self-contained page, without network, scripts or other files. */

import { renderLearningRateChart, renderLossChart } from "./curves.ts";
import type { Words } from "../../runs/data/words.ts";
import type { SplitFigures } from "../../runs/evaluation.ts";
import { baselineName, formatInterval, listFigures, NO_FIGURES, type Figure } from "../../runs/figures.ts";
import type { ReportData } from "./data.ts";
import { html, renderDocument, type Html } from "./html.ts";
import { formatCount, formatLarge, formatSeconds } from "../../text/numbers.ts";
import { renderSamples } from "./samples.ts";
import { reportStyle } from "./style.ts";

/**
 * Renders a run as an HTML page. The same data gives the same page.
 *
 * @returns a complete document, all text in it escaped
 */
export function renderReport(data: ReportData): string {
  const { title, createdAt, summary, words, model, training, evaluations, metrics, config } = data;
  const seen = words.units.replace(/^./, (letter) => letter.toUpperCase());
  const learningRate = renderLearningRateChart(metrics);
  const content = html`<h1>${title}</h1>
    <p class="created">
      <time datetime="${createdAt}">${createdAt.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC")}</time>
    </p>
    <p>${summary}</p>
    <p class="note">${model.description}</p>
    ${renderFacts([
      ["Parameters", formatLarge(model.parameters)],
      ["Steps", formatCount(training.steps)],
      [`${seen} seen`, formatLarge(training.tokensSeen)],
      ["Training time", formatSeconds(training.elapsedSeconds)],
      [`${seen} / second`, formatLarge(training.tokensPerSecond)],
    ])}
    ${evaluations.length === 0 ? html`<p class="note">${NO_FIGURES}.</p>` : renderEvaluations(evaluations, words)}
    <h2>Loss</h2>
    ${renderLossChart(metrics, { title: data.lossTitle, baseline: data.baseline })}
    ${
      learningRate === undefined
        ? undefined
        : html`<h2>Learning rate</h2>
            ${learningRate}`
    }
    ${renderSamples(data.samples, data)}
    <details>
      <summary>Configuration</summary>
      <pre>${JSON.stringify(config, null, 2)}</pre>
    </details>`;
  return renderDocument({ title, style: reportStyle, content });
}

function renderFacts(facts: readonly (readonly [label: string, value: string])[]): Html {
  return html`<dl class="facts">
    ${facts.map(
      ([label, value]) =>
        html`<div>
          <dt>${label}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

/** One column a split, so that the table fits a phone. */
function renderEvaluations(evaluations: readonly SplitFigures[], words: Words): Html {
  const columns = evaluations.map((figures) => ({
    figures,
    shown: listFigures(figures, words),
    baseline: baselineName(figures),
  }));
  const titles = columns[0]?.shown.map(({ title }) => title) ?? [];
  const counted = words.units.replace(/^./, (letter) => letter.toUpperCase());
  return html`<h2>Evaluation</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th></th>
            ${evaluations.map(({ split }) => html`<th scope="col">${split}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${titles.map(
            (title, index) =>
              html`<tr>
                <th scope="row">${title}</th>
                ${columns.map(({ shown, baseline }) => html`<td>${renderCompared(shown[index], baseline)}</td>`)}
              </tr>`,
          )}
          <tr>
            <th scope="row">${counted}</th>
            ${evaluations.map(({ tokens }) => html`<td>${formatCount(tokens)}</td>`)}
          </tr>
        </tbody>
      </table>
    </div>
    ${columns.slice(0, 1).map(({ figures }) => html`<p class="note">${explainBaseline(figures, words)}</p>`)}`;
}

/** Green when the model is better than the baseline, which stands below. */
function renderCompared(figure: Figure | undefined, baseline: string): Html | undefined {
  if (figure === undefined) return undefined;
  const { model, format, isBetter } = figure;
  const interval = figure.interval && html`<small>95 %: ${formatInterval(figure)}</small>`;
  if (!Number.isFinite(figure.baseline)) return html`${format(model)}${interval}`;
  return html`<b class="${isBetter ? "better" : ""}">${format(model)}</b
    ><small>${baseline} ${format(figure.baseline)}</small>${interval}`;
}

function explainBaseline({ task }: SplitFigures, { unit, units }: Words): string {
  if (task === "regression") return "Mean: always predicts the mean label of the training set.";
  if (task === "classification") {
    return "Majority: always predicts the frequencies of classes in the training set, whatever the sequence.";
  }
  const blind = unit === "residue" ? "; a blind guess among the 20 residues has 20" : "";
  return (
    `Unigram: always predicts the ${unit} frequencies of the training set, whatever came before. ` +
    `Perplexity is exp(loss): among how many equally likely ${units} the model still hesitates${blind}.`
  );
}
