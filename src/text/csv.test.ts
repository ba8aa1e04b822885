/** What is written as CSV reads back as it was. */

import { parse } from "csv-parse/browser/esm/sync";
import fc from "fast-check";
import { expect, it } from "vitest";

import { csvLine } from "./csv.ts";

it("quotes cells that hold separators, quotes or line breaks, and no others", () => {
  expect(csvLine(["P1", "a b", "x,y", 'say "x"', "two\nlines", ""])).toBe('P1,a b,"x,y","say ""x""","two\nlines",\n');
});

it("is read back as it was written", () => {
  const cell = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r", " ", "é") });
  fc.assert(
    fc.property(fc.array(cell, { minLength: 2, maxLength: 4 }), (cells) => {
      expect(parse(csvLine(cells), { record_delimiter: "\n" })).toEqual([cells]);
    }),
  );
});
