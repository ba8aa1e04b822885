/** The table of all attention mechanisms, by the names that configurations use. */
import { auto } from "./auto.ts";
import type { ConfigurableMechanism } from "./configurable.ts";
import { reformer } from "./content/reformer.ts";
import { routing } from "./content/routing.ts";
import { cosformer } from "./cosformer.ts";
import { efficient } from "./efficient.ts";
import { exact } from "./exact.ts";
import { favorMechanisms } from "./favor/favor.ts";
import { linear } from "./linear.ts";
import { linformer } from "./linformer.ts";
import type { AttentionMechanism } from "./mechanism.ts";
import { nystrom } from "./nystrom.ts";
import { bigbird } from "./sparse/bigbird.ts";
import { gat } from "./sparse/gat.ts";
import { graph } from "./sparse/graph.ts";
import { local } from "./sparse/local.ts";
import { longformer } from "./sparse/longformer.ts";
import { sparseFixed, sparseStrided } from "./sparse/sparse-transformer.ts";
import { transformerXl } from "./sparse/transformer-xl.ts";

/** Mechanisms with options of their own, which a configuration may give beside the name. */
export const configurableMechanisms = {
  cosformer,
  linformer,
  nystrom,
  local,
  longformer,
  "sparse-strided": sparseStrided,
  "sparse-fixed": sparseFixed,
  bigbird,
  "transformer-xl": transformerXl,
  graph,
  gat,
  reformer,
  routing,
} as const satisfies Record<string, ConfigurableMechanism>;

type ConfigurableName = keyof typeof configurableMechanisms;

/** With their default options. */
const configured = Object.fromEntries(
  Object.entries<ConfigurableMechanism>(configurableMechanisms).map(([name, { create }]) => [name, create()]),
) as Readonly<Record<ConfigurableName, AttentionMechanism>>; // the keys that were mapped

export const mechanisms = {
  ...favorMechanisms,
  exact,
  auto,
  linear,
  efficient,
  ...configured,
} as const satisfies Record<string, AttentionMechanism>;

export type MechanismName = keyof typeof mechanisms;
