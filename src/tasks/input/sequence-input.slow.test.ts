/** Proteins by their names in the embedded data. */

import { expect, it } from "vitest";

import { all } from "../../../tests/inference/tiny-proteins.ts";
import { proteinVocabulary } from "../../data/index.ts";
import { readSequences } from "./sequence-input.ts";

const read = (...sequence: string[]) => all(readSequences({ sequence }, proteinVocabulary));

it("looks accessions and entry names up in the embedded data", async () => {
  const found = await read("P00974", "bpt1_bovin", "P00974|BPT1_BOVIN");
  expect(found.map(({ id }) => id)).toEqual(Array(3).fill("P00974|BPT1_BOVIN"));
  expect(found[0]?.residues).toMatch(/^MKMSRLCL.*GGA$|^MKMSRLCL/);
});

it.each([
  ["BPT1_BOVEN", /--sequence BPT1_BOVEN: .*one of the 2,538 embedded proteins.*did you mean BPT1_BOVIN\?/],
  ["P009745", /--sequence P009745: .*did you mean P0097\d\?/],
  ["12345678901234567890_12345", /embedded proteins, got "[0-9_]+"; give its residues, or a FASTA file/],
])("refuses the unknown name %s", async (name, message) => {
  await expect(read(name)).rejects.toThrow(message);
});
