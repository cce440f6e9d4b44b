/** The audit log in sentences. Pure. */
import type { AuditLogEntry } from "../../../../core/room/staff-messages.ts";
import { nameOf, type PeopleNames } from "./people-names.ts";

/** Who did what, such as `Mira banned Bob`. `inviters`: see `collectInviters`. */
export function describeAudit(
  { by, act, about }: AuditLogEntry,
  names: PeopleNames,
  inviters: ReadonlyMap<string, string> = new Map(),
): string {
  if (act !== "accept") return `${nameOf(by, names)} ${describeAct(act, about, names)}`;
  const inviter = inviters.get(invitationOf(about));
  const whose = inviter === undefined ? "an invitation" : `an invitation of ${nameOf(inviter, names)}`;
  return `${nameOf(by, names)} became a moderator by ${whose}`;
}

/** The accounts of those who invited, by the names of invitations in the log. */
export function collectInviters(log: readonly AuditLogEntry[]): ReadonlyMap<string, string> {
  return new Map(log.flatMap(({ act, by, about }) => (act === "invite" ? [[about, by]] : [])));
}

/** `about` of an acceptance: the invitation's name, and the name of who accepted. */
const invitationOf = (about: string): string => about.split(" ")[0] ?? "";

function describeAct(act: Exclude<AuditLogEntry["act"], "accept">, about: string, names: PeopleNames): string {
  switch (act) {
    case "delete":
      return "deleted a message";
    case "clear":
      return `deleted all messages of ${nameOf(about, names)}`;
    case "pin":
      return about === "null" ? "unpinned the message" : "pinned a message";
    case "modes":
      return "changed the chat rules";
    case "timeout":
      return `timed out ${nameOf(about, names)}`;
    case "ban":
      return `banned ${nameOf(about, names)}`;
    case "unban":
      return `lets ${nameOf(about, names)} chat again`;
    case "role":
      return describeRole(about, names);
    case "invite":
      return "invited a moderator by a link";
    case "uninvite":
      return "revoked an invitation";
    case "words":
      return `set ${about.replace(/ words$/, "")} blocked words`;
    case "automod":
      return /^\d/.test(about) ? `allowed ${about.replace(/ allowed words$/, "")} words` : "changed the text filters";
    case "approve":
      return about.startsWith("denied ") ? "allowed a message that the rules had refused" : "approved a held message";
    case "deny":
      return about.startsWith("denied ") ? "dismissed a message that the rules had refused" : "denied a held message";
  }
}

/** `about`: `ACCOUNT: ROLE`, or `ACCOUNT: none`. */
function describeRole(about: string, names: PeopleNames): string {
  const end = about.lastIndexOf(": ");
  const name = nameOf(about.slice(0, end), names);
  return about.slice(end + 2) === "none" ? `dismissed ${name} as a moderator` : `made ${name} a moderator`;
}
