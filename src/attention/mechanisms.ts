/** The table of all attention mechanisms, by the names that configurations use. */
import { auto } from "./auto.ts";
import { exact } from "./exact.ts";
import { favorMechanisms } from "./favor/favor.ts";
import type { AttentionMechanism } from "./mechanism.ts";

export const mechanisms = { ...favorMechanisms, exact, auto } as const satisfies Record<string, AttentionMechanism>;

export type MechanismName = keyof typeof mechanisms;
