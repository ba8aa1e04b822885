/** The platform's files, by what all of them do alike: run in Node on the disk, and in a page on its own storage. */

import { digest, files, packagedUrl, paths } from "#files";

const bytes = (...values: number[]) => Uint8Array.from(values);

/** What every method answers, as JSON. */
export async function fileCases({ root }: { readonly root: string }): Promise<unknown> {
  const at = (name: string) => paths.join(root, name);
  const code = (action: Promise<unknown>) =>
    action.then(
      () => "done",
      (error: unknown) => (error instanceof Error && "code" in error ? error.code : String(error)),
    );
  const names = async (path: string) => (await files.list(path)).map(({ name }) => name).toSorted();
  const content = async (path: string) => Array.from(await files.read(path));
  await files.createFolder(at("a/b"), { parents: true });
  await files.createFolder(at("a/b"), { parents: true });
  await files.create(at("a/b/one"), bytes(1, 2, 3));
  await files.append(at("a/b/one"), bytes(4));
  await files.append(at("a/log"), bytes(5));
  const pieces: number[] = [];
  for await (const piece of files.stream(at("a/b/one"))) pieces.push(...piece);
  const before = { one: await content(at("a/b/one")), log: await content(at("a/log")), pieces };
  await files.create(at("a/two"), bytes(9));
  await files.rename(at("a/two"), at("a/b/one"));
  await files.link(at("a/b/one"), at("a/three"));
  await files.createFolder(at("a/b/deep"));
  await files.create(at("a/b/deep/four"), bytes(7));
  await files.rename(at("a/b"), at("a/c"));
  await files.syncFolder(at("a"));
  const stat = await files.stat(at("a/c/one"));
  return {
    before,
    replaced: await content(at("a/c/one")),
    linked: await content(at("a/three")),
    deep: await content(at("a/c/deep/four")),
    names: [await names(at("a")), await names(at("a/c"))],
    stat: [stat?.sizeBytes, stat?.isFolder, Math.abs((stat?.changedMs ?? 0) - Date.now()) < 60_000],
    folder: (await files.stat(at("a/c")))?.isFolder,
    absent: [(await files.stat(at("none"))) ?? null, await files.exists(at("none")), await files.exists(at("a"))],
    codes: {
      read: await code(files.read(at("none"))),
      readFolder: await code(files.read(at("a"))),
      list: await code(files.list(at("none"))),
      listFile: await code(files.list(at("a/log"))),
      createAgain: await code(files.create(at("a/log"), bytes())),
      createInNone: await code(files.create(at("none/x"), bytes())),
      folderAgain: await code(files.createFolder(at("a"))),
      renameNone: await code(files.rename(at("none"), at("x"))),
      address: await code(files.create("https://localhost/x", bytes())),
    },
    removed: [await code(files.remove(at("a"))), await code(files.remove(at("a"))), await names(root)],
    free: ((await files.freeBytes(root)) ?? 0) > 1_000_000,
    digests: [await digest("sha1", ["a", bytes(98)]), await digest("sha256", [bytes(97), "b"])],
    paths: [paths.join("a", "b", "c"), paths.dirname("a/b/c"), paths.dirname("a"), paths.basename("a/b.txt")],
    packaged: packagedUrl("x.txt").href.endsWith("data/x.txt"),
  };
}

/** A page that went away while a folder got its new name: to be called before anything else is done with files. */
export async function interruptedRename(): Promise<unknown> {
  const root = await navigator.storage.getDirectory();
  const write = async (folder: FileSystemDirectoryHandle, name: string, text: string) => {
    const writer = await (await folder.getFileHandle(name, { create: true })).createWritable();
    await writer.write(text);
    await writer.close();
  };
  const run = await root.getDirectoryHandle("run", { create: true });
  await write(await run.getDirectoryHandle("new", { create: true }), "moved", "1");
  await write(await run.getDirectoryHandle("new.partial-1", { create: true }), "left", "2");
  const journal = await root.getDirectoryHandle(".performer-renames", { create: true });
  await write(journal, "rename-1", JSON.stringify({ from: "run/new.partial-1", to: "run/new" }));
  await write(journal, "rename-2", "");
  const list = async (path: string) => (await files.list(path)).map(({ name }) => name).toSorted();
  return [await list("run"), await list("run/new"), await list(".performer-renames")];
}
