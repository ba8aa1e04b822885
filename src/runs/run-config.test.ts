/** config.json of a run: what is none is refused by what it is. */

import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";

import { goldenFolder } from "../../tests/convert/golden.ts";
import { openRunFolder } from "../storage/run-folder.ts";
import { UsageError } from "./usage.ts";
import { readRunConfig } from "./run-config.ts";

const folder = mkdtempSync(join(tmpdir(), "performer-run-config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = async (path: string) => readRunConfig(await openRunFolder(path));

it("tells a pretrained model from a run, and what takes it", async () => {
  const reading = read(goldenFolder("bert"));
  await expect(reading).rejects.toBeInstanceOf(UsageError);
  await expect(reading).rejects.toThrow(
    /bert: a run is needed, .+, got a pretrained or converted model; use embed, convert or push, which take every such model, .+ performer train --init$/,
  );
});

it("tells a converted model from a run, though both are of model_type performer", async () => {
  const path = join(folder, "converted");
  cpSync(goldenFolder("bert"), path, { recursive: true });
  writeFileSync(
    join(path, "config.json"),
    JSON.stringify({ model_type: "performer", pretrained: { model_type: "bert" } }),
  );
  await expect(read(path)).rejects.toThrow(/got a pretrained or converted model/);
});

it("names every key that a run's own configuration lacks", async () => {
  const path = join(folder, "lacking");
  cpSync(goldenFolder("bert"), path, { recursive: true });
  writeFileSync(join(path, "config.json"), JSON.stringify({ model_type: "performer", name: "demo" }));
  await expect(read(path)).rejects.toThrow(/model must be a record, got nothing[\s\S]+training must be a record/);
});
