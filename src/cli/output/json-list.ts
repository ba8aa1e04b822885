// A long list as one JSON document on standard output, item by item, so that it is never in memory as a whole.

/** An open document: `{ "name": [ … ] }`. */
export interface JsonList {
  readonly add: (item: unknown) => Promise<void>;
  /** Closes the document; a list without items is one too. */
  readonly end: () => Promise<void>;
}

/**
 * Opens a document of one list, an item a line. Nothing is written before the first item, so that what fails earlier leaves standard output
 * empty; what fails later leaves a document without its end, which no reader takes for a whole one.
 *
 * @param stream default standard output
 */
export function openJsonList(name: string, stream: NodeJS.WritableStream = process.stdout): JsonList {
  let separator = `{\n  ${JSON.stringify(name)}: [`;
  const write = (text: string) =>
    new Promise<void>((resolve, reject) => {
      stream.write(text, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  return {
    add: async (item) => {
      const before = separator;
      separator = ",";
      await write(`${before}\n    ${JSON.stringify(item)}`);
    },
    end: () => write(separator === "," ? "\n  ]\n}\n" : `${separator}]\n}\n`),
  };
}
