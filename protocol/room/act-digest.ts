/** Tells acts apart that came with one id: a client that counts from 1 anew after each load gives an id twice. */
import { hash32 } from "./hash.ts";
import type { Act } from "./wire.ts";

/** What an act says, in a few characters: the same for the same act, as `decodeClient` reads it, and for hardly any other. */
export function actDigest(act: Act): string {
  return hash32(JSON.stringify(act)).toString(36);
}

/** Whether `act` is the one of which `digest` was kept. Without a digest nothing else is known than that the ids are the same. */
export function isSameAct(digest: string | undefined, act: Act): boolean {
  return digest === undefined || digest === actDigest(act);
}
