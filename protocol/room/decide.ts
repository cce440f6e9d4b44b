/** What becomes of an act: the event it makes, the facts it changes, or why it is refused. Pure: the room stores the result. */

import type { Opinion } from "../moderation/review.ts";
import { isSameAct } from "./act-digest.ts";
import { decideChat } from "./decide-chat.ts";
import { decideModeration } from "./decide-moderation.ts";
import type { ChatEvent, Happening, Role, Viewer } from "./events.ts";
import type { Judge } from "./judge.ts";
import { barredFrom } from "./standing.ts";
import { type AuditLine, type Fact, heldKey, type RoomState } from "./state.ts";
import type { Act, ErrorCode, Listed, StaffNote } from "./wire.ts";

/** An act as a shard passes it on. */
export interface Asked {
  readonly by: Viewer;
  /** The client's id of the act: one that was stored already is not stored again, nor is another with its id. */
  readonly id: string;
  readonly act: Act;
  readonly programmeMs: number | null;
  /** What a reviewer thinks of the message, where one was asked. */
  readonly opinion?: Opinion;
  /** Its sender is beyond its rate: an act that is not known already is refused. */
  readonly onlyIfKnown?: true;
}

/** Where someone who has written was last seen. */
export interface Trace {
  readonly roles: readonly Role[];
  readonly device: string;
  readonly address: string;
  readonly atMs: number;
}

/** What the room knows beside its state: the clock, the history, how texts are judged. */
export interface Surroundings {
  readonly nowMs: number;
  readonly judge: Judge;
  /** A message of the history that has its text, or null. */
  message(offset: number): ChatEvent | null;
  /** Traces of a person's latest messages, the newest first. */
  traces(subject: string): readonly Trace[];
  /** Whether a message with this text, in its clean form, is in the history. */
  wasWritten(text: string): boolean;
  /** Lines of the audit log, the newest first. */
  audit(): readonly AuditLine[];
}

/** Whom an event is recorded for, where that is not the one who acts. */
export interface Credit {
  readonly by: Pick<Viewer, "subject" | "device" | "address" | "roles">;
  readonly id: string;
  /** Of the act that has the id; see `act-digest.ts`. */
  readonly digest?: string;
  readonly programmeMs: number;
}

/** What an accepted act comes to. */
export interface Decision {
  readonly ok: true;
  readonly event?: Happening;
  readonly facts: readonly Fact[];
  readonly credit?: Credit;
  /** The programme time that the event is for, where that isn't when it was made. */
  readonly programmeMs?: number;
  readonly audit?: Omit<AuditLine, "atMs" | "by">;
  readonly notes: readonly StaffNote[];
  readonly held?: string;
  readonly list?: Listed;
}

/** An act that is refused. */
export interface Refusal {
  readonly ok: false;
  readonly error: ErrorCode;
}

/** Decides about an act. */
export function decide(state: RoomState, asked: Asked, around: Surroundings): Decision | Refusal {
  const { by, act } = asked;
  if (by.subject === null) return refuse("sign-in");
  const barred = barredFrom(state, by, around.nowMs);
  if (barred !== null) return refuse(barred.error);
  const key = heldKey(by.subject, asked.id);
  const held = state.held.get(key);
  // The same for the same message, so that one that is sent again is held once.
  if (held !== undefined) {
    return isSameAct(held.digest, act) ? { ok: true, facts: [], notes: [], held: key } : refuse("id-used");
  }
  const person = { ...by, subject: by.subject, roles: state.rolesOf(by) };
  return act.kind === "chat"
    ? decideChat(state, { ...asked, by: person, act }, around)
    : decideModeration(state, { ...asked, by: person, act }, around);
}

function refuse(error: ErrorCode): Refusal {
  return { ok: false, error };
}
