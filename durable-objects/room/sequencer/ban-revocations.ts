/** A ban also revokes the subject's tokens at the stream's Live object, which ends playback where a token is needed. */
import { ALL_TOKEN_VERSIONS } from "../../../core/access/access-policy.ts";
import type { RevocationRequest } from "../../../core/access/revocation-pools.ts";
import { type Clock, sleep } from "../../../core/kit/clock.ts";

/** The calls that a room makes to its stream's Live object. */
export interface LiveRevocationRpc {
  revoke(revoking: RevocationRequest): Promise<boolean>;
}

/** The ban holds in the room whether or not these attempts succeed. */
const MAX_ATTEMPTS = 5;
const RETRY_BASE_MS = 200;

/** Revokes all tokens of a subject whom `actor` banned, or lifts that revocation. Never rejects. */
export async function syncBanRevocation(
  live: () => LiveRevocationRpc,
  subject: string,
  banned: boolean,
  actor: string,
  clock: Clock,
): Promise<void> {
  const revoking: RevocationRequest = { subject, version: banned ? ALL_TOKEN_VERSIONS : 0, by: "ban", actor };
  for (let attempts = 1; ; attempts += 1) {
    try {
      await live().revoke(revoking);
      return;
    } catch (error) {
      if (attempts === MAX_ATTEMPTS) return console.warn("the Live object did not take the revocation of a ban", error);
      await sleep(clock, RETRY_BASE_MS * 2 ** attempts);
    }
  }
}
