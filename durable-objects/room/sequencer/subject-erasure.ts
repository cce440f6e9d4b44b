/** Erasure of a person from a room, once the keyring has destroyed the person's key. */
import type { Clock } from "../../../core/kit/clock.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { changeByRoom } from "../../../core/room/sequencer/history-change.ts";
import { erasureEntries } from "../../../core/room/sequencer/subject-data.ts";
import type { RoomFanout } from "../room-fanout.ts";
import type { EncryptedHistory } from "./encrypted-history.ts";
import type { RoomLog } from "./room-log.ts";
import type { SubjectKeys } from "./subject-keys.ts";
import type { SubjectStore } from "./subject-store.ts";

/** The parts of a room that hold personal data. */
export interface ErasureTargets {
  readonly log: RoomLog;
  readonly history: EncryptedHistory;
  readonly subjects: SubjectStore;
  readonly subjectKeys: SubjectKeys;
  readonly fanout: RoomFanout;
  readonly clock: Clock;
}

/** Deletes all data under this tag, stored or not sent yet. Viewers receive an event that names the erased events. */
export function eraseSubject(targets: ErasureTargets, tag: string): Promise<void> {
  const { log, history, subjects, subjectKeys, fanout, clock } = targets;
  return log.runExclusive(async () => {
    subjectKeys.discard(tag);
    const offsets = subjects.subjectEventOffsets(tag, ROOM_LIMITS.eraseTargets);
    const effect = { kind: "erase", targets: offsets } as const;
    const change = changeByRoom({ effect, entries: [] }, log.head, clock.nowMs());
    const write = await history.encryptChange(change);
    const entries = log.transact(() => {
      const { gone, unsigned } = history.eraseSubject(tag);
      write();
      return erasureEntries(log.state, gone, unsigned);
    });
    fanout.removeUnsent(entries, offsets);
    const held = entries.filter(({ of }) => of === "held");
    log.apply(
      change.event,
      entries,
      held.map(({ key }) => ({ kind: "settled", id: key })),
    );
    log.flushUnsentEvents();
  });
}
