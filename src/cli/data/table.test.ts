// What labels suggest to learn, and that messages about columns name the options of the command line.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { byteVocabulary } from "../../data/index.ts";
import { guessTask, loadTableSource } from "./table.ts";

const folder = mkdtempSync(join(tmpdir(), "performer-table-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function tableOf(text: string, name = "table.csv"): { readonly kind: "table"; readonly path: string } {
  const path = join(folder, name);
  writeFileSync(path, text);
  return { kind: "table", path };
}

function rowsOf(labels: readonly unknown[]) {
  return labels.map((label, index) => ({ where: `row ${index}`, cells: { label } }));
}

describe("guessTask", () => {
  it.each([
    [["spam", "ham", "ham", "spam"], "classification"],
    [["0", "1", "2", "0", "1", "2"], "classification"],
    [[true, false, true], "classification"],
    [["0.5", "1", "2"], "regression"],
    [[0.25, 7, 1e-3], "regression"],
    [["a", "b", "c", "d", "e", "f"], "language-modeling"],
    [["same", "same", "same"], "language-modeling"],
  ])("of %j is %s", (labels, task) => {
    expect(guessTask(rowsOf(labels), "label")).toBe(task);
  });
});

describe("loadTableSource", () => {
  it("reads labels where they are few, by the columns that are named", async () => {
    const source = { ...tableOf("body,spam\nwin,1\ndear,0\nnow,1\n"), sequenceColumn: "body", labelColumn: "spam" };
    const { dataset, task } = await loadTableSource(source, "language-modeling");
    expect(task).toBe("classification");
    expect(dataset).toMatchObject({ classNames: ["0", "1"], numClasses: 2 });
  });

  it("reads sequences alone where there are no labels, in characters when asked for", async () => {
    const source = { ...tableOf("sequence,split\nabba,train\ncab,test\n"), tokenizer: "characters" };
    const { dataset, task } = await loadTableSource(source, "masked");
    expect(task).toBe("masked");
    expect(dataset.splits.test.map(({ tokenIds }) => dataset.vocabulary.decode(tokenIds))).toEqual(["cab"]);
    expect(dataset.vocabulary.toJSON()).toEqual({ kind: "characters", characters: "abc" });
  });

  it("keeps the classes of a trained model, and refuses others", async () => {
    const known = { vocabulary: byteVocabulary, task: "classification", classNames: ["ham", "spam"] } as const;
    const { dataset } = await loadTableSource(tableOf("text,label\nwin,spam\n"), "masked", known);
    expect(dataset).toMatchObject({ classNames: ["ham", "spam"] });
    await expect(loadTableSource(tableOf("text,label\nwin,junk\n"), "masked", known)).rejects.toThrow(/got "junk"/);
  });

  it.each([
    [{ labelColumn: "spam" }, /column "spam", got the columns "text", "label"; pass --label-column "/],
    [{ sequenceColumn: "body" }, /column "body", .*; pass --sequence-column "/],
  ])("names the option for %j", async (columns, message) => {
    const source = { ...tableOf("text,label\nwin,spam\n"), ...columns };
    await expect(loadTableSource(source, "language-modeling")).rejects.toThrow(message);
  });
});
