/** Every kind of effect: the content of an event of a room's history. */
import { type BanEffect, banEffect } from "./ban.ts";
import { type ChatEffect, chatEffect } from "./chat.ts";
import { type ClearEffect, clearEffect } from "./clear.ts";
import type { EffectDefinition, EffectRemoval } from "./define-effect.ts";
import { type DeleteEffect, deleteEffect } from "./delete.ts";
import { type EraseEffect, eraseEffect } from "./erase.ts";
import { type ModesEffect, modesEffect } from "./modes.ts";
import { type PinEffect, pinEffect } from "./pin.ts";
import { type RoleEffect, roleEffect } from "./role.ts";
import { type RulesEffect, rulesEffect } from "./rules.ts";
import { type TimeoutEffect, timeoutEffect } from "./timeout.ts";
import { type UnbanEffect, unbanEffect } from "./unban.ts";

/** The content of an event, without its offset and times. */
export type Effect =
  | ChatEffect
  | DeleteEffect
  | ClearEffect
  | PinEffect
  | ModesEffect
  | TimeoutEffect
  | BanEffect
  | UnbanEffect
  | RoleEffect
  | RulesEffect
  | EraseEffect;

/** The definition of each kind. */
export const EFFECTS: { readonly [K in Effect["kind"]]: EffectDefinition<Extract<Effect, { kind: K }>> } = {
  chat: chatEffect,
  delete: deleteEffect,
  clear: clearEffect,
  pin: pinEffect,
  modes: modesEffect,
  timeout: timeoutEffect,
  ban: banEffect,
  unban: unbanEffect,
  role: roleEffect,
  rules: rulesEffect,
  erase: eraseEffect,
};

/** The definition of an effect's kind. */
export function effectDefinition<E extends Pick<Effect, "kind">>({
  kind,
}: E): EffectDefinition<Extract<Effect, { kind: E["kind"] }>> {
  return EFFECTS[kind] as unknown as EffectDefinition<Extract<Effect, { kind: E["kind"] }>>;
}

/** What an effect removes from earlier events; null: nothing. */
export function removalOf(effect: Effect): EffectRemoval | null {
  return effectDefinition(effect).removal?.(effect) ?? null;
}
