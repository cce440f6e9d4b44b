/** What the room knows beside its state when it decides about an act: fetched and opened before, for it decides at once. */
import type { Asked, Surroundings } from "../../protocol/room/decide.ts";
import type { Judge } from "../../protocol/room/judge.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import { targetOfAct } from "../../protocol/room/personal.ts";
import type { Recent } from "../../protocol/room/recent.ts";
import type { History } from "./history.ts";
import type { Person } from "./keys.ts";
import type { RoomStore } from "./store.ts";

/** Where a room finds what it knows. */
export interface Sources {
  readonly judge: Judge;
  readonly store: RoomStore;
  readonly history: History;
  readonly recent: Recent;
}

/** The surroundings of an act; `persons`: those whom it is by or about. */
export async function surroundings(
  { judge, store, history, recent }: Sources,
  { act }: Asked,
  persons: ReadonlyMap<string, Person>,
  nowMs: number,
): Promise<Surroundings> {
  const target = targetOfAct(act);
  const message = target === null ? null : (recent.message(target) ?? (await history.message(target)));
  const audit = act.kind === "list" && act.what === "audit" ? await history.audit(ROOM_LIMITS.listed) : [];
  return {
    nowMs,
    judge,
    message: (offset) => (offset === target ? message : null),
    traces: (subject) => {
      const person = persons.get(subject);
      return person === undefined ? [] : store.traces(person.tag);
    },
    wasWritten: (text) => recent.wasWritten(text),
    audit: () => audit,
  };
}
