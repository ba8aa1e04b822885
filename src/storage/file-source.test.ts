/** Files that a caller gives, and servers, as sources of files. */

import { afterEach, describe, expect, it, vi } from "vitest";

import { StorageError } from "./errors.ts";
import { givenSource, type FileSource } from "./file-source.ts";
import { openUrlSource } from "./url-source.ts";

afterEach(() => void vi.unstubAllGlobals());

const text = async (source: FileSource, path: string) => {
  const bytes = await source.read(path);
  return bytes && new TextDecoder().decode(bytes);
};
const chosen = (path: string, folder = "") =>
  Object.defineProperty(new File([path], path.split("/").at(-1) ?? ""), "webkitRelativePath", {
    value: folder === "" ? "" : `${folder}/${path}`,
  });

describe("given files", () => {
  it("are read as bytes, texts and blobs", async () => {
    const source = givenSource({ a: "one", "b/c": new TextEncoder().encode("two"), d: new Blob(["three"]) });
    expect(await Promise.all(["a", "b/c", "d", "e", "toString"].map((path) => text(source, path)))).toEqual([
      "one",
      "two",
      "three",
      undefined,
      undefined,
    ]);
    expect(await source.has("toString")).toBe(false);
  });

  it("of a chosen folder have their paths inside it, and single ones their names", async () => {
    const folder = givenSource([chosen("config.json", "bert"), chosen("1_Pooling/config.json", "bert")]);
    expect(await text(folder, "1_Pooling/config.json")).toBe("1_Pooling/config.json");
    expect(await text(folder, "config.json")).toBe("config.json");
    expect(await text(givenSource([chosen("config.json")]), "config.json")).toBe("config.json");
    expect(await text(givenSource([chosen("x", "a"), chosen("x", "b")]), "b/x")).toBe("x");
  });
});

describe("a server", () => {
  const serve = (answer: (url: string) => Response) => {
    const asked: string[] = [];
    vi.stubGlobal("fetch", async (url: string) => {
      asked.push(url);
      return answer(url);
    });
    return asked;
  };

  it("is asked below the address, with what follows its question mark", async () => {
    const asked = serve(() => new Response("yes", { headers: { "content-type": "text/plain" } }));
    const source = openUrlSource("https://example.org/models/a?key=1");
    expect(await text(source, "1_Pooling/config #1.json")).toBe("yes");
    expect(await text(source, "1_Pooling/config #1.json")).toBe("yes");
    expect(asked).toEqual(["https://example.org/models/a/1_Pooling/config%20%231.json?key=1"]);
  });

  it.each([403, 404, 410])("has no file where it answers %d", async (status) => {
    serve(() => new Response("", { status }));
    expect(await openUrlSource("https://example.org/").read("a")).toBeUndefined();
  });

  it.each([undefined, () => undefined])(
    "is refused where its connection breaks on the way (told: %s)",
    async (told) => {
      const broken = () => new ReadableStream({ pull: (body) => body.error(new TypeError("terminated")) });
      serve(() => new Response(broken()));
      await expect(openUrlSource("https://example.org/m/", told).read("a")).rejects.toThrow(
        "https://example.org/m/a: the connection broke while the file was read (terminated); try again.",
      );
    },
  );

  it("has no file where it answers with a page", async () => {
    serve(() => new Response("<html>", { headers: { "content-type": "text/html; charset=utf-8" } }));
    expect(await openUrlSource("https://example.org/").has("a")).toBe(false);
  });

  it("is refused where it fails, for paths that leave the folder, and where it is no address", async () => {
    serve(() => new Response("", { status: 500 }));
    const source = openUrlSource("https://example.org/");
    await expect(source.read("a")).rejects.toThrow(/^https:\/\/example\.org\/a: .*got status 500; try again\.$/);
    await expect(source.read("../a")).rejects.toThrow(StorageError);
    expect(() => openUrlSource("https://")).toThrow(/an address \(https:\/\/…\/\) is needed/);
  });
});
