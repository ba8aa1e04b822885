/** The table of mutants for people and for programs. */

import type { MutantScores } from "../../inference/mutants.ts";
import { formatCount } from "../../text/numbers.ts";
import { formatTable } from "../../text/table.ts";
import { sevenDigits } from "./score-report.ts";

/** Mutations of each kind that people are shown. */
const SHOWN = 10;

const methods = {
  likelihood: "log p(mutant) − log p(wild type) of whole proteins",
  masked: "masked marginals, each residue hidden in turn",
  "one-pass": "wild-type marginals, approximate",
} as const satisfies Record<MutantScores["method"], string>;

/** One cell of the table. */
interface Mutation {
  /** The mutation in HGVS without "p.": M1A. */
  readonly name: string;
  readonly deltaNats: number;
}

export type MutantsDocument = Readonly<ReturnType<typeof mutantsDocument>>;

/** What --json tells: `deltaNats[row][position]`, rows in the order of `residues`. */
export function mutantsDocument(scores: MutantScores) {
  const { id, tokens, method, residues, wildType, deltaNats } = scores;
  return {
    id,
    tokens,
    method,
    wildType: wildType.join(""),
    residues: residues.join(""),
    deltaNats: residues.map((_, row) => Array.from(deltaNats.subarray(row * tokens, (row + 1) * tokens), sevenDigits)),
  };
}

/** A line a position: its number from 1 on, the wild type, and the difference for each residue. */
export function mutantsCsv({ tokens, residues, wildType, deltaNats }: MutantScores): string {
  const lines = wildType.map((letter, position) =>
    [
      position + 1,
      letter,
      ...residues.map((_, row) => sevenDigits(deltaNats[row * tokens + position] ?? Number.NaN)),
    ].join(","),
  );
  return `${["position,wild_type", ...residues].join(",")}\n${lines.join("\n")}\n`;
}

/** The ends of the list of all mutations, and what was written. */
export function formatMutants(scores: MutantScores, files: readonly string[]): string {
  const { id, tokens, method } = scores;
  const sorted = mutationsOf(scores).toSorted((a, b) => a.deltaNats - b.deltaNats);
  const [harmful, favourable] = [sorted.slice(0, SHOWN), sorted.toReversed().slice(0, SHOWN)];
  const cells = (mutation: Mutation | undefined) =>
    mutation === undefined ? ["", ""] : [mutation.name, signed(mutation.deltaNats)];
  const rows = harmful.map((mutation, index) => [...cells(mutation), ...cells(favourable[index])]);
  const table = formatTable(["most harmful", "Δ nats", "most favourable", "Δ nats"], rows);
  const better = sorted.filter(({ deltaNats }) => deltaNats > 0).length;
  return [
    `${id}: ${formatCount(sorted.length)} mutants of ${formatCount(tokens)} residues, ${methods[method]}`,
    `${formatCount(better)} of them are likelier than the wild type`,
    "",
    table,
    ...files,
    "",
  ].join("\n");
}

function mutationsOf({ tokens, residues, wildType, deltaNats }: MutantScores): readonly Mutation[] {
  return residues.flatMap((letter, row) =>
    wildType.flatMap((own, position) =>
      own === letter
        ? []
        : [{ name: `${own}${position + 1}${letter}`, deltaNats: deltaNats[row * tokens + position] ?? Number.NaN }],
    ),
  );
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
}
