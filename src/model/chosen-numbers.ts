/** Some of a model's layers or heads, by their numbers. */
import { ConfigError, problem } from "../graph/errors.ts";

/**
 * The numbers that are asked for, in their order, or all.
 *
 * @param given counted from 0
 * @param count how many the model has
 * @throws ConfigError for numbers that the model has not, for one that comes twice, and for none
 */
export function chosenNumbers(
  who: string,
  name: "layers" | "heads",
  given: readonly number[] | undefined,
  count: number,
): readonly number[] {
  const numbers = given ?? Array.from({ length: count }, (_, index) => index);
  const wrong = numbers.find((number) => !Number.isInteger(number) || number < 0 || number >= count);
  if (numbers.length > 0 && wrong === undefined && new Set(numbers).size === numbers.length) return numbers;
  throw new ConfigError(
    problem`${who}: ${name} must be distinct numbers from 0 to ${count - 1}, got ${numbers.join(", ") || "none"}; omit
    them for all ${count}`,
  );
}
