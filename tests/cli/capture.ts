/** What a command writes, while it runs inside a test. */
import { vi } from "vitest";

export interface Captured {
  stdout: string;
  stderr: string;
}

/** Until `vi.restoreAllMocks()`, both streams are kept instead of shown. */
export function captureOutput(): Captured {
  const captured: Captured = { stdout: "", stderr: "" };
  const take = (name: keyof Captured) => (chunk: unknown, done?: unknown) => {
    captured[name] += String(chunk);
    if (typeof done === "function") done();
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(take("stdout"));
  vi.spyOn(process.stderr, "write").mockImplementation(take("stderr"));
  return captured;
}
