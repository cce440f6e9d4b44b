/** Digests of commands, which tell commands with the same id apart: a client that counts from 1 after each load reuses ids. */
import { hash32 } from "../../kit/hash.ts";

/** A short hash of a command as `decodeClientFrame` returns it. It depends on the order of the command's members. */
export function commandDigest(command: object): string {
  return hash32(JSON.stringify(command)).toString(36);
}

/** Whether a command has this digest. Without a stored digest, commands with equal ids are considered equal. */
export function matchesCommandDigest(digest: string | undefined, command: object): boolean {
  return digest === undefined || digest === commandDigest(command);
}
