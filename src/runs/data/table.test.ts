/** What labels suggest to learn, and that messages about columns name the options of the command line. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { byteVocabulary } from "../../data/index.ts";
import { toldByLabels } from "./label-task.ts";
import { loadTableSource } from "./table.ts";

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

describe("labels", () => {
  it.each([
    [["spam", "ham", "ham", "spam"], "classification"],
    [["0", "1", "2", "0", "1", "2"], "classification"],
    [[true, false, true], "classification"],
    [["0.5", "1", "2"], "regression"],
    [[0.25, 7, 1e-3], "regression"],
    [["1", "a", "1", "a"], "classification"],
  ])("%j tell %s", (labels, task) => {
    expect(toldByLabels(rowsOf(labels), "label")).toEqual({ task });
  });

  it.each([
    [["a", "b", "c", "d", "e", "f"], "6 different texts in 6 rows"],
    [["1", "2", "3", "4", "5"], "5 different whole numbers in 5 rows"],
    [["same", "same", "same"], "all are the same, 'same'"],
    [["", null, undefined], "the column 'label' is empty"],
  ])("%j tell nothing", (labels, nothing) => {
    expect(toldByLabels(rowsOf(labels), "label")).toEqual({ nothing });
  });

  it.each([
    [[0.5, 1.25, "NaN", 7.5], /^row 2, column label: a label must be a finite number where most are, got "NaN"; mend/],
    [["0.5", "1.5", "0.5", "high"], /^row 3, column label: .*got "high"; .*--task classification/],
    [["ham", "", "spam", "ham"], /^row 1, column label: a label must be there, got an empty cell; fill the cell, rem/],
    [["1", "2", null, "3"], /^row 2, column label: a label must be there/],
  ])("%j are refused at the odd cell", (labels, message) => {
    expect(() => toldByLabels(rowsOf(labels), "label")).toThrow(message);
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
    await expect(loadTableSource(tableOf("text,label\nwin,junk\n"), "masked", known)).rejects.toThrow(
      /^table\.csv, line 2, column label: a label must be a class of the run, got "junk"; the run knows the classes ham, spam; /,
    );
  });

  const different = `text,label,id\n${Array.from({ length: 7 }, (_, row) => `word ${row},${row},n${row}`).join("\n")}\n`;

  it.each([
    [
      different,
      "labels: 7 different whole numbers in 7 rows: training a language model; pass --task classification or regression",
    ],
    [
      "text,spam,id,split\nwin,1,a,train\n",
      'labels: the table has no column \'label\': training a language model; to learn labels, name their column with --label-column: "spam", "id"',
    ],
    [
      "text\nwin\n",
      "labels: the table has no column 'label': training a language model; to learn labels, put them into a column 'label'",
    ],
  ])("says what it takes a table for that tells no task", async (text, notice) => {
    expect(await loadTableSource(tableOf(text), "language-modeling")).toMatchObject({
      task: "language-modeling",
      notice,
    });
  });

  it("says nothing where a task was asked for, or labels tell it", async () => {
    const asked = { ...tableOf(different), task: "language-modeling" } as const;
    expect(await loadTableSource(asked, "language-modeling")).not.toHaveProperty("notice");
    expect(await loadTableSource(tableOf("text,label\na,0\nb,1\n"), "masked")).not.toHaveProperty("notice");
  });

  it("never leaves a column out that was named", async () => {
    const source = { ...tableOf(different), labelColumn: "id" };
    await expect(loadTableSource(source, "language-modeling")).rejects.toThrow(
      /^table\.csv, column id: labels must be a few classes, .*got 7 different texts in 7 rows; pass --task class/,
    );
    const asked = await loadTableSource({ ...source, task: "classification" }, "language-modeling");
    expect(asked.dataset).toMatchObject({ numClasses: 7 });
  });

  it("names options where labels are not of the task that was asked for", async () => {
    const source = { ...tableOf("text,label\na,0.5\nb,NaN\n"), task: "regression" } as const;
    await expect(loadTableSource(source, "language-modeling")).rejects.toThrow(
      /line 3, column label: .*got "NaN"; mend the cell, or pass --task classification/,
    );
  });

  it.each([
    [{ labelColumn: "spam" }, /column "spam", got the columns "text", "label"; pass --label-column "/],
    [{ sequenceColumn: "body" }, /column "body", .*; pass --sequence-column "/],
  ])("names the option for %j", async (columns, message) => {
    const source = { ...tableOf("text,label\nwin,spam\n"), ...columns };
    await expect(loadTableSource(source, "language-modeling")).rejects.toThrow(message);
  });
});
