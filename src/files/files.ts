/**
 * What a platform's files can do. `node.ts` has the disk; `web.ts` has a page's own storage (OPFS). `#files` chooses
 * one.
 */

/** What is at a path. */
export interface FileInfo {
  readonly isFolder: boolean;
  readonly sizeBytes: number;
  /** Time of the last change, in milliseconds since 1970. */
  readonly changedMs: number;
}

/** An entry of a folder. */
export interface FolderEntry {
  readonly name: string;
  readonly isFolder: boolean;
}

/**
 * Files by path. Paths that begin with http:// or https:// are addresses of servers: they can be read, and nothing
 * else.
 *
 * Errors carry the codes of the operating system (ENOENT, ENOSPC, …), or are StorageErrors where the platform has
 * reasons of its own.
 */
export interface Files {
  /** What to do about a file that is not there, for messages. */
  readonly missingHint: string;
  /** Follows links. Resolves to undefined when nothing has this name. */
  readonly stat: (path: string) => Promise<FileInfo | undefined>;
  /** Whether anything, a broken link too, has this name. */
  readonly exists: (path: string) => Promise<boolean>;
  /** Reads a whole file of any size. */
  readonly read: (path: string) => Promise<Uint8Array<ArrayBuffer>>;
  /** Reads a file piece by piece. It is opened when the first piece is asked for. */
  readonly stream: (path: string) => AsyncIterable<Uint8Array>;
  readonly list: (path: string) => Promise<readonly FolderEntry[]>;
  /** Writes a file that is not there yet, and resolves when its bytes are safe. */
  readonly create: (path: string, bytes: Uint8Array) => Promise<void>;
  /** Adds bytes at the end of a file, all or none; creates it when there is none. Not synced. */
  readonly append: (path: string, bytes: Uint8Array) => Promise<void>;
  /** Creates a folder. With `parents` also those above it, and one that is there is left as it is. */
  readonly createFolder: (path: string, options?: { readonly parents?: boolean }) => Promise<void>;
  /**
   * Gives a file or a folder another name at once: an interruption leaves the old name or the new one. A file takes a
   * file's place.
   */
  readonly rename: (from: string, to: string) => Promise<void>;
  /** Gives a file a second name, or copies it where files have one name only. */
  readonly link: (from: string, to: string) => Promise<void>;
  /** Removes a file or a folder and all in it; one that is not there is none to remove. */
  readonly remove: (path: string) => Promise<void>;
  /** Makes the names in a folder survive a power cut. */
  readonly syncFolder: (path: string) => Promise<void>;
  /** What may still be written at a path; undefined where nobody knows. */
  readonly freeBytes: (path: string) => Promise<number | undefined>;
  /** Undefined where files cannot be read without waiting, as in pages. */
  readonly inPlace: InPlaceFiles | undefined;
}

/** Files that are read here and there, without waiting. */
export interface InPlaceFiles {
  readonly open: (path: string) => InPlaceFile;
  readonly create: (path: string) => Promise<FileWriter>;
}

export interface InPlaceFile {
  readonly sizeBytes: number;
  /** Fills the target with the bytes from `place` on, and returns how many there were. */
  readonly read: (target: Uint8Array, place: number) => number;
  readonly close: () => void;
}

/** Writes a new file piece by piece. */
export interface FileWriter {
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Makes what was written safe. */
  readonly sync: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** The platform's paths. */
export interface Paths {
  readonly join: (...parts: string[]) => string;
  readonly dirname: (path: string) => string;
  readonly basename: (path: string) => string;
  readonly normalize: (path: string) => string;
  /** The same path, however the program was started. */
  readonly resolve: (path: string) => string;
  /** The path of a URL: of a `file:` URL that on the disk, of others their whole address. */
  readonly fromUrl: (url: URL) => string;
}

/** A file of the hub, as the hub lists it. */
export interface HubFile {
  readonly path: string;
  readonly size: number;
  /** The content's SHA-256; for files that git itself holds, SHA-1 of "blob <size>\0" and the content. */
  readonly digest: string;
  readonly algorithm: "sha256" | "git";
}

/** Asks a hub for public models. Errors carry its answer's `statusCode`. */
export interface HubClient {
  readonly list: (name: string, endpoint: string) => Promise<{ readonly commit: string; readonly files: HubFile[] }>;
  readonly open: (file: HubAddress) => Promise<ReadableStream<Uint8Array> | undefined>;
}

export interface HubAddress {
  readonly name: string;
  readonly endpoint: string;
  readonly commit: string;
  readonly path: string;
}
