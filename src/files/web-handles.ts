/** A page's own storage (OPFS) by paths: the handles behind them, writing, and renaming at once. */
import { problem } from "../graph/errors.ts";
import { StorageError } from "./errors.ts";
import { refuseAddress } from "./http.ts";

/** What lib.dom does not know: every browser with this storage moves its files, and most move nothing else. */
interface MovableFile extends FileSystemFileHandle {
  readonly move?: (folder: FileSystemDirectoryHandle, name: string) => Promise<void>;
}

/**
 * Renames of folders that have begun. Folders cannot be renamed at once, so each is noted here first, and finished by
 * who comes next.
 */
const JOURNAL = ".performer-renames";

/** An error with the operating system's code for it, which callers know. */
export function failure(code: string, message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code });
}

let opened: Promise<FileSystemDirectoryHandle> | undefined;

/**
 * The root of the storage, after renames that were interrupted have been finished.
 *
 * @throws StorageError where the browser has no such storage, or refuses it
 */
function openRoot(): Promise<FileSystemDirectoryHandle> {
  opened ??= (async () => {
    const root = await askForRoot();
    await navigator.locks.request(JOURNAL, () => finishRenames(root));
    return root;
  })();
  // Asked again by the next call, as the user may allow it meanwhile.
  opened.catch(() => (opened = undefined));
  return opened;
}

async function askForRoot(): Promise<FileSystemDirectoryHandle> {
  // Absent where the page did not come by https or from this machine, whatever its type says.
  const storage: StorageManager | undefined = navigator.storage;
  if (storage?.getDirectory === undefined) {
    throw new StorageError(
      problem`this page has no storage for files (OPFS): the browser must know it, and the page must come by https or
      from localhost; without it, models go through toFiles() and fromFiles().`,
    );
  }
  return storage.getDirectory().catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StorageError(
      problem`the browser refuses this page storage for files (${reason}); allow it to keep data (not in a private
      window), or keep models by toFiles() and fromFiles().`,
      { cause },
    );
  });
}

/** What has this path; undefined when nothing has. */
export async function find(path: string): Promise<FileSystemFileHandle | FileSystemDirectoryHandle | undefined> {
  const parts = partsOf(path);
  const name = parts.pop();
  const root = await openRoot();
  if (name === undefined) return root;
  try {
    const folder = await descend(root, parts, false);
    return await folder.getFileHandle(name).catch((error: unknown) => {
      if (nameOf(error) === "TypeMismatchError") return folder.getDirectoryHandle(name);
      throw error;
    });
  } catch (error) {
    if (nameOf(error) === "NotFoundError" || nameOf(error) === "TypeMismatchError") return undefined;
    throw error;
  }
}

/** The folder at a path. `create`: it, when it is not there, or also all those above it. */
export async function folderAt(
  path: string,
  create: "last" | "all" | "none" = "none",
): Promise<FileSystemDirectoryHandle> {
  const parts = partsOf(path);
  const root = await openRoot();
  return coded(path, async () => {
    if (create !== "last") return descend(root, parts, create === "all");
    const above = await descend(root, parts.slice(0, -1), false);
    return descend(above, parts.slice(-1), true);
  });
}

export async function parentOf(path: string): Promise<{ folder: FileSystemDirectoryHandle; name: string }> {
  const parts = partsOf(path);
  const name = parts.pop();
  if (name === undefined) throw failure("EISDIR", `${path} is the storage's root`);
  return { folder: await folderAt(parts.join("/")), name };
}

/** Writes a file's content; it is there as a whole once this resolves, and as it was before. */
export async function write(path: string, bytes: Uint8Array, { keep }: { readonly keep: boolean }): Promise<void> {
  refuseAddress(path, "write");
  const { folder, name } = await parentOf(path);
  await coded(path, async () => {
    const handle = await folder.getFileHandle(name, { create: true });
    const { size } = keep ? await handle.getFile() : { size: 0 };
    const writer = await handle.createWritable({ keepExistingData: keep });
    try {
      // The copy is what the type asks for: bytes that no other thread shares.
      await writer.write({ type: "write", position: size, data: isUnshared(bytes) ? bytes : new Uint8Array(bytes) });
      await writer.close();
    } catch (error) {
      await writer.abort().catch(() => undefined);
      if (nameOf(error) !== "QuotaExceededError") throw error;
      const { quota = 0, usage = 0 } = await navigator.storage.estimate();
      throw new StorageError(
        problem`the browser's storage is full: ${path} needs ${bytes.length} bytes, ${quota - usage} free; remove what
        is not needed.`,
        { cause: error },
      );
    }
  });
}

/** Gives a file or a folder another name, one at a time among all pages and workers of the site. */
export async function rename(from: string, to: string): Promise<void> {
  refuseAddress(to, "write");
  await openRoot();
  await navigator.locks.request(JOURNAL, () => renameAlone(from, to));
}

async function renameAlone(from: string, to: string): Promise<void> {
  const source = await find(from);
  if (source === undefined) throw failure("ENOENT", `${from} is not there`);
  const target = await parentOf(to);
  if (source.kind === "file") {
    await coded(to, () => moveFile(source, target.folder, target.name));
    const { folder, name } = await parentOf(from);
    await removeIfThere(folder, name);
    return;
  }
  if ((await find(to)) !== undefined) throw failure("EEXIST", `${to} is there already`);
  const root = await openRoot();
  const journal = await root.getDirectoryHandle(JOURNAL, { create: true });
  const note = `rename-${crypto.randomUUID()}`;
  await write(`${JOURNAL}/${note}`, new TextEncoder().encode(JSON.stringify({ from, to })), { keep: false });
  await coded(to, () => finishRename(root, { from, to }));
  await journal.removeEntry(note);
}

async function finishRenames(root: FileSystemDirectoryHandle): Promise<void> {
  const journal = await root.getDirectoryHandle(JOURNAL).catch(() => undefined);
  if (journal === undefined) return;
  const notes: FileSystemFileHandle[] = [];
  for await (const handle of journal.values()) if (handle.kind === "file") notes.push(handle);
  for (const note of notes) {
    const text = await (await note.getFile()).text();
    // Empty where the interruption came before it was noted.
    if (text !== "") await finishRename(root, JSON.parse(text));
    await journal.removeEntry(note.name);
  }
}

async function finishRename(
  root: FileSystemDirectoryHandle,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  const parts = partsOf(from);
  const name = parts.pop() ?? "";
  const above = await descend(root, parts, false);
  const source = await above.getDirectoryHandle(name).catch(() => undefined);
  if (source === undefined) return;
  await moveAll(source, await descend(root, partsOf(to), true));
  await removeIfThere(above, name);
}

async function moveAll(source: FileSystemDirectoryHandle, target: FileSystemDirectoryHandle): Promise<void> {
  const held = [];
  for await (const handle of source.values()) held.push(handle);
  for (const handle of held) {
    if (handle.kind === "file") await moveFile(handle, target, handle.name);
    else await moveAll(handle, await target.getDirectoryHandle(handle.name, { create: true }));
  }
}

async function moveFile(handle: MovableFile, folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  if (handle.move !== undefined) return handle.move(folder, name);
  // The copy is whole before the original goes: by who called this.
  const copy = await (await folder.getFileHandle(name, { create: true })).createWritable();
  await (await handle.getFile()).stream().pipeTo(copy);
}

async function removeIfThere(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  await folder.removeEntry(name, { recursive: true }).catch((error: unknown) => {
    if (nameOf(error) !== "NotFoundError") throw error;
  });
}

async function descend(
  folder: FileSystemDirectoryHandle,
  parts: readonly string[],
  create: boolean,
): Promise<FileSystemDirectoryHandle> {
  let reached = folder;
  for (const part of parts) reached = await reached.getDirectoryHandle(part, { create });
  return reached;
}

function partsOf(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts;
}

/** The browser's errors by the operating system's codes. */
const codes: Readonly<Record<string, string>> = {
  NotFoundError: "ENOENT",
  TypeMismatchError: "ENOTDIR",
  NoModificationAllowedError: "EBUSY",
  NotAllowedError: "EACCES",
};

async function coded<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const code = codes[nameOf(error) ?? ""];
    throw code === undefined
      ? error
      : failure(code, `${path}: ${error instanceof Error ? error.message : code}`, error);
  }
}

function nameOf(error: unknown): string | undefined {
  return error instanceof DOMException ? error.name : undefined;
}

function isUnshared(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer;
}
