/** Generated proteins as coloured letters: one colour for each chemical class. */

import { html, type Html } from "./html.ts";
import type { GeneratedSample } from "./data.ts";

const BLOCK_LENGTH = 10;

/**
 * Side chains at pH 7. Glycine, proline and the (seleno)cysteines are apart: what they do to the backbone matters more.
 */
export const residueClasses = {
  hydrophobic: "AVLIMFWY",
  polar: "STNQ",
  acidic: "DE",
  basic: "KRH",
  special: "CGPUO",
} as const;

export type ResidueClass = keyof typeof residueClasses;

const classNames = ["hydrophobic", "polar", "acidic", "basic", "special"] as const satisfies readonly ResidueClass[];
const classOf = new Map(
  classNames.flatMap((name) => Array.from(residueClasses[name]).map((letter) => [letter, name] as const)),
);

/** The class of a one-letter code; undefined for X, B, Z, gaps and whatever else is no single residue. */
export function residueClass(letter: string): ResidueClass | undefined {
  return classOf.get(letter);
}

/** What each colour means. */
export function renderResidueLegend(): Html {
  const items = classNames.map(
    (name) => html`<li><b class="residue ${name}">${Array.from(residueClasses[name]).join(" ")}</b> ${name}</li>`,
  );
  return html`<ul class="legend">
    ${items}
  </ul>`;
}

/** The letters in blocks of ten that wrap at any width. */
export function renderResidues({ prompt, sequence }: GeneratedSample): Html {
  const promptLength = sequence.startsWith(prompt) ? prompt.length : 0;
  const blocks: Html[] = [];
  for (let start = 0; start < sequence.length; start += BLOCK_LENGTH) {
    blocks.push(renderBlock(sequence.slice(start, start + BLOCK_LENGTH), Math.max(0, promptLength - start)));
  }
  return html`<p class="sequence" aria-label="${sequence}">${blocks}</p>`;
}

/** Neighbours of one class share an element, which makes the page a third of the size. */
function renderBlock(letters: string, promptLength: number): Html {
  const spans: Html[] = [];
  let start = 0;
  for (let end = 1; end <= letters.length; end++) {
    const first = letters.charAt(start);
    const next = letters.charAt(end);
    const continues = end < letters.length && residueClass(first) === residueClass(next) && end !== promptLength;
    if (continues) continue;
    const classes = [residueClass(first), start < promptLength ? "prompt" : undefined].filter(
      (name) => name !== undefined,
    );
    spans.push(html`<i class="${classes.join(" ")}">${letters.slice(start, end)}</i>`);
    start = end;
  }
  return html`<span>${spans}</span>`;
}
