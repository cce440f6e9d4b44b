/** A ban also ends the playback of a stream that isn't for everybody: the stream's Live object is told. */
import { ALL_TOKEN_VERSIONS } from "../../../core/access/access-policy.ts";
import type { RevocationRequest } from "../../../core/access/revocation-pools.ts";

/** A stream's Live object, as far as the room calls it. */
export interface LiveRevocationRpc {
  revoke(revoking: RevocationRequest): Promise<boolean>;
}

/** Tries before it is given up: the ban holds in the room in any case. */
const MAX_ATTEMPTS = 5;
const RETRY_BASE_MS = 200;

/** Revokes all tokens of one whom `actor` banned, or takes that back. Never rejects. */
export async function syncBanRevocation(
  live: () => LiveRevocationRpc,
  subject: string,
  banned: boolean,
  actor: string,
): Promise<void> {
  const revoking: RevocationRequest = { subject, version: banned ? ALL_TOKEN_VERSIONS : 0, by: "ban", actor };
  for (let tries = 1; ; tries += 1) {
    try {
      await live().revoke(revoking);
      return;
    } catch (error) {
      if (tries === MAX_ATTEMPTS) return console.warn("the stream's object could not be told of a ban", error);
      await scheduler.wait(RETRY_BASE_MS * 2 ** tries);
    }
  }
}
