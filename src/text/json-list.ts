/** A long list as one JSON document, item by item, so that it is never in memory as a whole. */

/** Takes text; what it returns is awaited before more comes. */
export type WriteText = (text: string) => Promise<void> | void;

/** An open document: `{ "name": [ … ] }`. */
export interface JsonList {
  readonly add: (item: unknown) => Promise<void>;
  /** An item that is JSON already, as of numbers with fewer digits. */
  readonly addText: (json: string) => Promise<void>;
  /** Closes the document; a list without items is one too. */
  readonly end: () => Promise<void>;
}

/**
 * Opens a document of one list, an item a line. Nothing is written before the first item, so that what fails earlier
 * writes nothing; what fails later leaves a document without its end, which no reader takes for a whole one.
 */
export function openJsonList(name: string, write: WriteText): JsonList {
  let separator = `{\n  ${JSON.stringify(name)}: [`;
  const addText = async (json: string) => {
    const before = separator;
    separator = ",";
    await write(`${before}\n    ${json}`);
  };
  return {
    add: (item) => addText(JSON.stringify(item)),
    addText,
    end: async () => write(separator === "," ? "\n  ]\n}\n" : `${separator}]\n}\n`),
  };
}
