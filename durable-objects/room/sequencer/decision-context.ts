/** The context of a decision, loaded and decrypted before it: the decision itself is synchronous. */

import { base64url } from "jose";
import { type CommandEnvelope, commandDefinition } from "../../../core/room/commands/index.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import type { DecisionContext } from "../../../core/room/sequencer/decision.ts";
import type { RecentMessages } from "../../../core/room/sequencer/recent-messages.ts";
import { targetOfCommand } from "../../../core/room/sequencer/subject-data.ts";
import type { TextModerator } from "../../../core/room/sequencer/text-moderator.ts";
import type { EncryptedHistory } from "./encrypted-history.ts";
import type { RoomStore } from "./room-store.ts";
import type { SubjectKey } from "./subject-keys.ts";

/** The sources of the context. */
export interface DecisionSources {
  readonly textModerator: TextModerator;
  readonly store: RoomStore;
  readonly history: EncryptedHistory;
  readonly recentMessages: RecentMessages;
}

/** The context of a command. `persons`: the keys of its sender and its subject. */
export async function loadDecisionContext(
  { textModerator, store, history, recentMessages }: DecisionSources,
  { act }: CommandEnvelope,
  persons: ReadonlyMap<string, SubjectKey>,
  nowMs: number,
): Promise<DecisionContext> {
  const target = targetOfCommand(act);
  const message = target === null ? null : (recentMessages.find(target) ?? (await history.findMessage(target)));
  const needsAuditLog = commandDefinition(act.kind).needsAuditLog(act);
  const audit = needsAuditLog ? await history.readAuditLog(ROOM_LIMITS.listEntries) : [];
  const secret = commandDefinition(act.kind).secret(act);
  const secretHash = secret === null ? null : await hashSecret(secret);
  return {
    nowMs,
    secretHash,
    textModerator,
    findMessage: (offset) => (offset === target ? message : null),
    senderTraces: (subject) => {
      const person = persons.get(subject);
      return person === undefined ? [] : store.senderTraces(person.tag);
    },
    isRepeat: (text) => recentMessages.hasRepeat(text),
    auditLog: () => audit,
  };
}

/** A secret has 256 random bits: a fast hash without salt tells nothing of it. */
async function hashSecret(secret: string): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret))));
}
