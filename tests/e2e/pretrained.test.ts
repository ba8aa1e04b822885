/**
 * Pretrained models by the command line, from the hub's name to a converted model's vectors; the verbs' own tests have
 * the rest.
 */

import { afterAll, expect, it, vi } from "vitest";

import { goldenFiles } from "../convert/golden.ts";
import { startHub } from "../convert/hub-server.ts";
import { createWorkplace, oneThread, parseOnly } from "./cli.ts";

const place = createWorkplace();

afterAll(() => {
  vi.unstubAllEnvs();
  place[Symbol.dispose]();
});

it("downloads a model by its name, converts it, embeds with what that gives, and refuses to write over it", async () => {
  const name = "somebody/tiny-bert";
  await using hub = await startHub(name, await goldenFiles("bert"));
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  vi.stubEnv("PERFORMER_CACHE", place.path("cache"));
  const text = ["--text", "a man is eating food", ...oneThread];
  const converting = ["convert", name, "--features", "64", "--no-diagnosis", "--out", "favor", "--json", ...text];
  const converted = await place.run(...converting);
  expect(converted.stderr).toContain("download model.safetensors");
  expect(parseOnly(converted.stdout)).toMatchObject({ out: "favor", from: name, mechanism: "favor" });
  const embedded = await place.run("embed", "favor", ...text, "--json");
  expect(parseOnly(embedded.stdout)).toMatchObject({ embeddings: [{ id: "text 1" }] });
  const refused = await place.run(...converting);
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toContain("performer convert: favor: the folder must be new or empty, got one with");
});
