/** The table of all attention mechanisms, by the names that configurations use. */
import { auto } from "./auto.ts";
import type { ConfigurableMechanism } from "./configurable.ts";
import { exact } from "./exact.ts";
import { favorMechanisms } from "./favor/favor.ts";
import type { AttentionMechanism } from "./mechanism.ts";

/** Mechanisms with options of their own, which a configuration may give beside the name. */
export const configurableMechanisms = {} as const satisfies Record<string, ConfigurableMechanism>;

type ConfigurableName = keyof typeof configurableMechanisms;

/** With their default options. */
const configured = Object.fromEntries(
  Object.entries<ConfigurableMechanism>(configurableMechanisms).map(([name, { create }]) => [name, create()]),
) as Readonly<Record<ConfigurableName, AttentionMechanism>>; // the keys that were mapped

export const mechanisms = {
  ...favorMechanisms,
  exact,
  auto,
  ...configured,
} as const satisfies Record<string, AttentionMechanism>;

export type MechanismName = keyof typeof mechanisms;
