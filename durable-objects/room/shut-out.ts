/** A ban also ends the playback of a stream that isn't for everybody: the stream's Live object is told. */
import { EVERY_VERSION } from "../../protocol/access.ts";
import type { Revoking } from "../../protocol/revocations.ts";

/** A stream's Live object, as far as the room calls it. */
export interface Revoker {
  revoke(revoking: Revoking): Promise<boolean>;
}

/** Tries before it is given up: the ban holds in the room in any case. */
const TRIES = 5;
const AGAIN_MS = 200;

/** Revokes all tokens of one whom `actor` banned, or takes that back. Never rejects. */
export async function shutOut(live: () => Revoker, subject: string, banned: boolean, actor: string): Promise<void> {
  const revoking: Revoking = { subject, version: banned ? EVERY_VERSION : 0, by: "ban", actor };
  for (let tries = 1; ; tries += 1) {
    try {
      await live().revoke(revoking);
      return;
    } catch (error) {
      if (tries === TRIES) return console.warn("the stream's object could not be told of a ban", error);
      await scheduler.wait(AGAIN_MS * 2 ** tries);
    }
  }
}
