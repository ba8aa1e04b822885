/** Every name of the table of mechanisms stands in the conformance suite, beside a naive twin. */

import { expect, it } from "vitest";
import { mechanisms } from "../../src/attention/mechanisms.ts";
import { contentSubjects } from "./content.ts";
import { lowRankSubjects } from "./low-rank.ts";
import { sparseSubjects } from "./sparse-subjects.ts";
import { exactSubject, mapSubjects, type Subject } from "./subjects.ts";

/** Made of two others, each of which is a subject; src/attention/auto.test.ts holds which one it takes. */
const composed: readonly string[] = ["auto"];

it("holds every mechanism to a naive twin", () => {
  const subjects: readonly Subject[] = [mapSubjects, lowRankSubjects, sparseSubjects, contentSubjects]
    .flatMap((table): readonly Subject[] => Object.values(table))
    .concat(exactSubject);
  const tested = new Set(subjects.map(({ mechanism }) => mechanism.name));
  // favorMechanism(map) names a mechanism by its map; the paper's default goes by the plain name.
  tested.add("favor");
  expect(
    Object.values(mechanisms)
      .map(({ name }) => name)
      .filter((name) => !tested.has(name) && !composed.includes(name)),
  ).toEqual([]);
});
