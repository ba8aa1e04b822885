/**
 * `performer push`: a model's folder on a hub: created, committed, loaded again by its name; what is left out, and what
 * is refused.
 */

import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { runVerb } from "../../tests/cli/run-verb.ts";
import { goldenFolder } from "../../tests/convert/golden.ts";
import { startHub } from "../../tests/convert/hub-server.ts";
import { createWorkplace, oneThread, parseOnly, tinyFasta, tinyModel } from "../../tests/e2e/cli.ts";
import { NEW_COMMIT, startPushServer, TOKEN } from "../../tests/convert/push-server.ts";
import { convertCommand } from "./convert.ts";
import { embedCommand } from "./embed.ts";
import { pushCommand } from "./push.ts";
import { trainCommand } from "./train.ts";

const place = createWorkplace();
const verbs = { convert: convertCommand, embed: embedCommand, push: pushCommand, train: trainCommand } as const;
const NAME = "me/tiny-favor";

async function succeed(verb: keyof typeof verbs, ...args: readonly string[]) {
  const finished = await runVerb(place.folder, verbs[verb](), ...args);
  expect(finished.code, finished.stderr).toBe(0);
  return finished;
}

async function refuse(code: number, ...args: readonly string[]): Promise<string> {
  const finished = await runVerb(place.folder, pushCommand(), ...args);
  expect(finished).toMatchObject({ code, stdout: "" });
  expect(finished.stderr).not.toContain(TOKEN);
  return finished.stderr;
}

beforeAll(async () => {
  const convert = [goldenFolder("bert"), "--features", "5", "--no-diagnosis", "--text", "a man"];
  await succeed("convert", ...convert, ...oneThread, "--out", "favor");
  mkdirSync(place.path("favor/checkpoint-3"));
  place.write("favor/checkpoint-3/optimizer.safetensors", "left out");
  place.write("favor/.env", "SECRET=1");
  mkdirSync(place.path("favor/more"));
  place.write("favor/more/notes.txt", "goes along");
});
afterAll(() => place[Symbol.dispose]());

describe("push", () => {
  it("creates a model, uploads what is read of it with a card, and the model is loaded by its name", async () => {
    await using server = await startPushServer("me");
    vi.stubEnv("HF_ENDPOINT", server.endpoint);
    vi.stubEnv("HF_TOKEN", TOKEN);
    vi.stubEnv("PERFORMER_CACHE", place.path("cache"));
    try {
      const { stdout, stderr } = await succeed("push", "favor", NAME, "--private", "--message", "The first", "--json");
      expect(stdout + stderr).not.toContain(TOKEN);
      expect(stderr).toContain("upload");
      const document = parseOnly(stdout) as {
        readonly files: readonly { readonly path: string; readonly sizeBytes: number }[];
      };
      expect(document).toMatchObject({ name: NAME, commit: NEW_COMMIT, created: true, private: true, dryRun: false });
      expect(server.created).toMatchObject([{ name: "tiny-favor", organization: "me", visibility: "private" }]);
      expect(server.titles).toEqual(["The first"]);
      const uploaded = Object.fromEntries(server.models.get(NAME) ?? []);
      expect(Object.keys(uploaded).toSorted()).toEqual(document.files.map(({ path }) => path).toSorted());
      expect(Object.keys(uploaded)).toContain("more/notes.txt");
      expect(Object.keys(uploaded).filter((path) => /checkpoint|env/.test(path))).toEqual([]);
      for (const { path, sizeBytes } of document.files) {
        expect(uploaded[path], path).toHaveLength(sizeBytes);
        if (path !== "README.md")
          expect([...(uploaded[path] ?? [])]).toEqual([...readFileSync(place.path("favor", path))]);
      }
      const card = new TextDecoder().decode(uploaded["README.md"]);
      expect(card).toMatch(/^---\nlibrary_name: performer-ts\npipeline_tag: feature-extraction\n/);
      for (const part of [
        "# tiny-favor",
        "attention: favor",
        "random features a head: 5",
        "made from: bert",
        `loadPretrained("${NAME}")`,
      ]) {
        expect(card).toContain(part);
      }
      // Where the package came from says nothing to others.
      expect(card + new TextDecoder().decode(uploaded["config.json"])).not.toContain(goldenFolder("bert"));

      await using hub = await startHub(NAME, uploaded);
      vi.stubEnv("HF_ENDPOINT", hub.endpoint);
      const embed = (model: string) => succeed("embed", model, "--text", "a man", ...oneThread, "--json");
      expect((await embed(NAME)).stdout).toBe((await embed("favor")).stdout);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it("adds a commit to a model that is there, with the README.md of the folder", async () => {
    await using server = await startPushServer("me");
    server.models.set(NAME, new Map());
    vi.stubEnv("HF_ENDPOINT", server.endpoint);
    try {
      cpSync(place.path("favor"), place.path("carded"), { recursive: true });
      place.write("carded/README.md", "Mine.\n");
      const { stdout, stderr } = await succeed("push", "carded", NAME, "--private", "--token", TOKEN);
      expect(stdout).toContain(`${server.endpoint}/${NAME}: `);
      expect(stdout).toContain(`was there, commit ${NEW_COMMIT}`);
      expect(stderr).toContain("who sees it stays as it was");
      expect(server.created).toEqual([]);
      expect(new TextDecoder().decode(server.models.get(NAME)?.get("README.md"))).toBe("Mine.\n");
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it("takes runs, and lists with --dry-run what would be uploaded, without a token or a connection", async () => {
    place.write("tiny.fasta", tinyFasta());
    await succeed("train", "--fasta", "tiny.fasta", ...tinyModel, "--set", "steps=3", ...oneThread, "--out", "run");
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9");
    try {
      const { stdout } = await succeed("push", "run", "me/run", "--dry-run", "--json");
      const { files } = parseOnly(stdout) as {
        readonly files: readonly { readonly path: string; readonly generated?: true }[];
      };
      expect(files.map(({ path }) => path)).toEqual([
        "README.md",
        "config.json",
        "metrics.jsonl",
        "model.safetensors",
        "report.html",
      ]);
      expect(files.filter(({ generated }) => generated).map(({ path }) => path)).toEqual(["README.md"]);
      const lines = (await succeed("push", "run", "me/run", "--dry-run")).stdout.trimEnd().split("\n");
      expect(lines).toHaveLength(files.length + 1);
      expect(lines.at(-1)).toMatch(/^5 files, [\d,]+ bytes would be uploaded to me\/run$/);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it("refuses what nobody could load, what it may not write, and names the way out", async () => {
    await using server = await startPushServer("me");
    server.models.set("others/model", new Map());
    vi.stubEnv("HF_TOKEN", "");
    vi.stubEnv("HF_ENDPOINT", server.endpoint);
    try {
      expect(await refuse(2, "favor", "favor")).toContain('the name must be owner/name, got "favor"');
      expect(await refuse(2, "favor", NAME)).toContain(
        "a token with write access must be given, got none; set HF_TOKEN",
      );
      expect(await refuse(2, "favor", NAME, "--token", "secret")).toContain("something that does not begin with hf_");
      expect(await refuse(1, "nowhere/model", NAME, "--dry-run")).toContain(
        "nowhere/model: a model's folder is needed",
      );
      mkdirSync(place.path("empty"));
      expect(await refuse(1, "empty", NAME, "--dry-run")).toContain(
        "it must hold config.json, but the folder is empty",
      );
      cpSync(place.path("favor"), place.path("broken"), { recursive: true });
      place.write("broken/model.safetensors", readFileSync(place.path("favor/model.safetensors")).subarray(0, 900));
      expect(await refuse(1, "broken", NAME, "--dry-run")).toContain("broken/model.safetensors");
      cpSync(place.path("favor"), place.path("linked"), { recursive: true });
      symlinkSync(place.path("tiny.fasta"), place.path("linked/passwd"));
      expect(await refuse(1, "linked", NAME, "--dry-run")).toContain("what is uploaded must be files, got a link");
      expect(await refuse(1, "favor", NAME, "--token", "hf_wrong")).toContain(
        "a token that the hub knows must be given",
      );
      expect(await refuse(1, "favor", "strangers/model", "--token", TOKEN)).toContain(
        "the token must allow to write there",
      );
      vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9");
      expect(await refuse(1, "favor", NAME, "--token", TOKEN)).toContain("http://127.0.0.1:9 must answer");
      expect(server.models.get("others/model")?.size).toBe(0);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
