/** Named arrays and tensors as records: the same names with other values, the same values under other names. */

export function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  to: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value)]));
}

/**
 * The entries whose names begin with `from`, under names that begin with `to` instead; with '' for `from`, all of them.
 */
export function renamed<Value>(
  record: Readonly<Record<string, Value>>,
  from: string,
  to: string,
): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(record).flatMap(([name, value]) =>
      name.startsWith(from) ? [[to + name.slice(from.length), value] as const] : [],
    ),
  );
}
