/** Substitution matrices: the one in the package is BLOSUM62, and damaged ones are refused by their line. */
import { describe, expect, it } from "vitest";
import { loadBlosum62, readSubstitutionMatrix } from "./substitution-matrix.ts";

async function* bytesOf(text: string) {
  yield new TextEncoder().encode(text);
}

const read = (text: string) => readSubstitutionMatrix(bytesOf(text), { name: "mine" });

describe("substitution matrices", () => {
  it("hold BLOSUM62 as it was published", async () => {
    const { letters, score } = await loadBlosum62();
    expect(letters).toBe("ARNDCQEGHILKMFPSTWYVBJZX*");
    // Scores that textbooks print: identities of Trp and Leu, the nearest pairs, the farthest.
    expect([score("W", "W"), score("L", "L"), score("D", "E"), score("F", "Y"), score("I", "V")]).toEqual([
      11, 4, 2, 3, 3,
    ]);
    expect([score("K", "R"), score("G", "I"), score("W", "D")]).toEqual([2, -4, -4]);
    // The conservative substitutions: all pairs of different standard residues that are commoner than chance.
    const standard = Array.from("ACDEFGHIKLMNPQRSTVWY");
    const pairs = standard.flatMap((a, i) => standard.slice(i + 1).map((b) => `${a}${b}`));
    expect(pairs).toHaveLength(190);
    expect(pairs.filter(([a = "", b = ""]) => score(a, b) > 0).join(" ")).toBe(
      "AS DE DN EK EQ FW FY HN HY IL IM IV KQ KR LM LV MV NS QR ST WY",
    );
    expect(() => score("a", "W")).toThrow(/^BLOSUM62: letters must be among .+, got "a"; score residues/);
  });

  it("are read with comments, blank lines, and negative or fractional scores", async () => {
    const { score } = await read("# mine\n\n  A R\nA 1 -0.5\nR -0.5 2\n");
    expect(score("R", "A")).toBe(-0.5);
  });

  it.each([
    ["", /^mine: a matrix must have a line for each of its letters, got no letters/],
    ["A R\nA 1 2\n", /^mine: .+, got none for "R"; check that the file is whole/],
    ["A A\nA 1 2\n", /^mine, line 1: the first line must hold distinct letters, got "A"/],
    ["A R\nA 1\n", /^mine, line 2: a line must hold a score for each of the 2 letters, got 1 scores/],
    ["A R\nA 1 x\n", /^mine, line 2: a score must be a number, got "x"/],
    ["A R\nN 1 2\n", /^mine, line 2: a line must begin with one of the letters .+, got "N"/],
    ["A R\nA 1 2\nA 1 2\n", /^mine, line 3: .+ each once, got "A"/],
    ["A R\nA 1 2\nR 3 1\n", /^mine: a matrix must be symmetric, got 2 for AR and 3 for RA/],
  ])("are refused when they read %j", async (text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });
});
