/** Generated samples on a page: coloured residues, text, or pictures. */

import type { Words } from "../../runs/data/words.ts";
import { formatCount, formatFixed } from "../../text/numbers.ts";
import type { GeneratedSample } from "./data.ts";
import { html, type Html } from "./html.ts";
import { renderResidueLegend, renderResidues } from "./residues.ts";

interface SamplesOptions {
  readonly words: Words;
  readonly areProteins: boolean;
}

/** The section of samples; nothing when there are none. */
export function renderSamples(samples: readonly GeneratedSample[], options: SamplesOptions): Html | undefined {
  if (samples.length === 0) return undefined;
  const { words, areProteins } = options;
  const areImages = samples.some(({ image }) => image !== undefined);
  const prompt = areImages ? "" : " A prompt, where one was given, is underlined.";
  return html`<h2>Generated ${areProteins ? "sequences" : words.samples}</h2>
    <p class="note">Written by the model, one ${words.unit} after the other.${prompt}</p>
    ${areProteins ? renderResidueLegend() : undefined}
    ${
      areImages
        ? html`<div class="pictures">${samples.map(renderPicture)}</div>`
        : samples.map((sample) => renderSample(sample, options))
    }`;
}

/** One sample: its name, its numbers, and its letters. */
function renderSample(sample: GeneratedSample, { words, areProteins }: SamplesOptions): Html {
  const { id, prompt, sequence, perplexity } = sample;
  const facts = [
    areProteins ? `${formatCount(sequence.length)} ${words.units}` : undefined,
    perplexity === undefined ? undefined : `perplexity ${formatFixed(perplexity, 2)}`,
    prompt === "" ? "no prompt" : areProteins ? `prompt ${prompt}` : undefined,
  ];
  return html`<article class="sample">
    <h3>${id}</h3>
    <p class="note">${facts.filter((fact) => fact !== undefined).join(" · ")}</p>
    ${areProteins ? renderResidues(sample) : renderText(sample)}
  </article>`;
}

function renderText({ prompt, sequence }: GeneratedSample): Html {
  const length = sequence.startsWith(prompt) ? prompt.length : 0;
  return html`<p class="text"><i class="prompt">${sequence.slice(0, length)}</i>${sequence.slice(length)}</p>`;
}

function renderPicture({ id, perplexity, image }: GeneratedSample): Html {
  const shown = perplexity === undefined ? id : `${id} · perplexity ${formatFixed(perplexity, 2)}`;
  const base64 = Buffer.from(image ?? new Uint8Array()).toString("base64");
  return html`<figure>
    <img alt="${id}" src="data:image/png;base64,${base64}" />
    <figcaption class="note">${shown}</figcaption>
  </figure>`;
}
