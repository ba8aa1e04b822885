/** Text onto a stream, one piece after the other. */

/** @returns when the text is handed over, so that the process may end without cutting it short */
export function writeText(stream: NodeJS.WritableStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
