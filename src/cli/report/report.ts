// report.html of a run: one self-contained page, without network, scripts or other files.

import { renderLearningRateChart, renderLossChart } from "./curves.ts";
import type { ReportData, SplitEvaluation } from "./data.ts";
import { html, trustedHtml } from "./html.ts";
import type { Html } from "./html.ts";
import { formatCount, formatFixed, formatLarge, formatPercent, formatSeconds } from "../output/numbers.ts";
import { renderResidueLegend, renderSample } from "./residues.ts";
import { reportStyle } from "./style.ts";

/**
 * Renders a run as an HTML page. The same data gives the same page.
 *
 * @returns a complete document, all text in it escaped
 */
export function renderReport(data: ReportData): string {
  const { title, createdAt, summary, model, training, evaluations, samples, metrics, config } = data;
  const learningRate = renderLearningRateChart(metrics);
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <style>
          ${trustedHtml(reportStyle)}
        </style>
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          <p class="created">
            <time datetime="${createdAt}">${createdAt.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC")}</time>
          </p>
          <p>${summary}</p>
          <p class="note">${model.description}</p>
          ${renderFacts([
            ["Parameters", formatLarge(model.parameters)],
            ["Steps", formatCount(training.steps)],
            ["Residues seen", formatLarge(training.tokensSeen)],
            ["Training time", formatSeconds(training.elapsedSeconds)],
            ["Residues / second", formatLarge(training.tokensPerSecond)],
          ])}
          ${evaluations.length === 0 ? undefined : renderEvaluations(evaluations)}
          <h2>Loss</h2>
          ${renderLossChart(metrics, data.unigramLossNats)}
          ${
            learningRate === undefined
              ? undefined
              : html`<h2>Learning rate</h2>
                  ${learningRate}`
          }
          ${
            samples.length === 0
              ? undefined
              : html`<h2>Generated sequences</h2>
                  <p class="note">
                    Written by the model, one residue after the other. A prompt, where one was given, is underlined.
                  </p>
                  ${renderResidueLegend()} ${samples.map(renderSample)}`
          }
          <details>
            <summary>Configuration</summary>
            <pre>${JSON.stringify(config, null, 2)}</pre>
          </details>
        </main>
      </body>
    </html>`;
  return `${page.html}\n`;
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
function renderEvaluations(evaluations: readonly SplitEvaluation[]): Html {
  const rows: readonly (readonly [label: string, cell: (evaluation: SplitEvaluation) => Html])[] = [
    [
      "Perplexity (lower is better)",
      ({ perplexity, unigram }) =>
        renderCompared(formatFixed(perplexity, 2), formatFixed(unigram.perplexity, 2), perplexity < unigram.perplexity),
    ],
    [
      "Accuracy of the next residue",
      ({ accuracy, unigram }) =>
        renderCompared(formatPercent(accuracy), formatPercent(unigram.accuracy), accuracy > unigram.accuracy),
    ],
    ["Loss (nats per residue)", ({ lossNats }) => html`${formatFixed(lossNats, 3)}`],
    ["Residues", ({ tokens }) => html`${formatCount(tokens)}`],
  ];
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
          ${rows.map(
            ([label, cell]) =>
              html`<tr>
                <th scope="row">${label}</th>
                ${evaluations.map((evaluation) => html`<td>${cell(evaluation)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <p class="note">
      Unigram: always predicts the residue frequencies of the training set, whatever came before. Perplexity is
      exp(loss): among how many equally likely residues the model still hesitates; a blind guess among the 20 residues
      has 20.
    </p>`;
}

/** Green when the model is better than the baseline, which stands below. */
function renderCompared(value: string, unigram: string, isBetter: boolean): Html {
  return html`<b class="${isBetter ? "better" : ""}">${value}</b><small>unigram ${unigram}</small>`;
}
