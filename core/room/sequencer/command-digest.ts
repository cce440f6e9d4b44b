/** Tells acts apart that came with one id: a client that counts from 1 anew after each load gives an id twice. */
import { hash32 } from "../../kit/hash.ts";
import type { Command } from "../commands.ts";

/** What an act says, in a few characters: the same for the same act, as `decodeClient` reads it, and for hardly any other. */
export function commandDigest(command: Command): string {
  return hash32(JSON.stringify(command)).toString(36);
}

/** Whether `act` is the one of which `digest` was kept. Without a digest nothing else is known than that the ids are the same. */
export function matchesCommandDigest(digest: string | undefined, command: Command): boolean {
  return digest === undefined || digest === commandDigest(command);
}
