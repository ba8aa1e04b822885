/** The heat map's layout, and the reports beside it. */

import { describe, expect, it } from "vitest";

import type { MutantScores } from "../../inference/mutants.ts";
import { heatMapOf } from "../../views/heat-map.ts";
import { formatMutants, mutantsCsv, mutantsDocument } from "./mutant-report.ts";

const residues = "ACDEFGHIKLMNPQRSTVWY";

/** Wild type of A's; every mutant to row r is r / 10 below 0, but those to Y above. */
function scoresOf(tokens: number): MutantScores {
  const letters = Array.from(residues);
  const deltaNats = Float32Array.from({ length: 20 * tokens }, (_, cell) => {
    const row = Math.floor(cell / tokens);
    return row === 19 ? 1.5 : row / -10 + 0;
  });
  const wildType = Array<string>(tokens).fill("A");
  return { id: "P1", tokens, method: "likelihood", residues: letters, wildType, deltaNats };
}

function panelsOf(tokens: number) {
  // Marks of the scale come first.
  const images = heatMapOf(scoresOf(tokens)).marks.filter((mark) => mark.kind === "image");
  return images.slice(1);
}

describe("the heat map", () => {
  it("shows the wild type dark, what is less likely red, what is likelier blue, and like residues side by side", () => {
    const [panel] = panelsOf(2);
    expect(panel?.pixels).toMatchObject({ width: 2, height: 20 });
    const pixel = (row: number) => Array.from(panel?.pixels.rgb.subarray(3 * 2 * row, 3 * 2 * row + 3) ?? []);
    // A, V, I, L, M, C, F, W, Y, …
    expect(pixel(0)).toEqual([64, 64, 64]);
    const [red = 0, , blueOfRed = 0] = pixel(7);
    expect(red).toBeGreaterThan(blueOfRed + 50);
    const [redOfBlue = 0, , blue = 0] = pixel(8);
    expect(blue).toBeGreaterThan(redOfBlue + 50);
  });

  it.each([
    [1, [1]],
    [100, [100]],
    [101, [100, 1]],
    [3000, Array(30).fill(100)],
    [3001, [...Array(21).fill(140), 61]],
  ])("lays %i positions out in panels", (tokens, widths) => {
    expect(panelsOf(tokens).map(({ pixels }) => pixels.width)).toEqual(widths);
  });

  it("keeps within the page, and numbers positions without one on the other", () => {
    for (const tokens of [1, 9, 97, 450, 4300]) {
      const { marks, width, height } = heatMapOf(scoresOf(tokens));
      const numbers = marks.filter((mark) => mark.kind === "text" && /^\d{2,}$/.test(mark.text));
      expect(marks.every(({ x, y }) => x >= 0 && x <= width && y >= 0 && y <= height)).toBe(true);
      const rows = new Set(numbers.map(({ y }) => y));
      for (const row of rows) {
        const places = numbers.filter(({ y }) => y === row).map(({ x }) => x);
        const gaps = places.slice(1).map((x, index) => x - (places[index] ?? 0));
        expect(gaps.every((gap) => gap >= 20)).toBe(true);
      }
    }
  });
});

describe("the reports", () => {
  it("name mutations as biologists do, the extreme ones first", () => {
    const text = formatMutants(scoresOf(2), ["map.svg"]);
    expect(text).toMatch(
      /^P1: 38 mutants of 2 residues, log p\(mutant\) − log p\(wild type\) of whole proteins\n2 of them/,
    );
    expect(text).toMatch(/\nA1W +−1\.800 +A[12]Y +\+1\.500\n/);
    expect(text.endsWith("\nmap.svg\n")).toBe(true);
  });

  it("hold every cell once", () => {
    const document = mutantsDocument(scoresOf(2));
    expect(document).toMatchObject({ id: "P1", tokens: 2, wildType: "AA", residues });
    expect(document.deltaNats.map(([first]) => first)).toEqual(
      [...Array(19).keys()].map((row) => row / -10 + 0).concat(1.5),
    );
    const [heading, first, second, end] = mutantsCsv(scoresOf(2)).split("\n");
    expect(heading?.split(",")).toHaveLength(22);
    expect(first?.startsWith("1,A,0,-0.1,-0.2,")).toBe(true);
    expect(second?.split(",").slice(2)).toEqual(first?.split(",").slice(2));
    expect(end).toBe("");
  });
});
