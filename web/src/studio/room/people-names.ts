/** Names of people whom the room's lists know by their account only. Pure. */
import { isGuestSubject } from "../../../../core/access/guest.ts";
import type { ParticipantProfile } from "../../../../core/room/participants.ts";
import type { RoomView } from "../../chat/room-view.ts";
import type { StaffLists } from "./staff-lists.ts";

/** The latest name of each account that the page has seen. */
export type PeopleNames = ReadonlyMap<string, string>;

/** Names in the chat, the staff's lists and the page's own profile. */
export function collectNames(
  { timeline, you }: RoomView,
  { held, denied, audit, invitations }: Pick<StaffLists, "held" | "denied" | "audit" | "invitations">,
): PeopleNames {
  const names = new Map<string, string>();
  const add = ({ subject, name }: Pick<ParticipantProfile, "subject" | "name">): void => void names.set(subject, name);
  // Who has accepted an invitation is named with it, and may have written nothing.
  for (const { act, by, about } of audit ?? []) if (act === "accept") names.set(by, about.replace(/^\S+ /, ""));
  for (const { by } of invitations ?? []) add(by);
  for (const { content } of timeline.entries) if (content.kind === "chat") add(content.by);
  for (const { by } of denied ?? []) add(by);
  for (const { by } of held) add(by);
  if (you !== null) add(you);
  return names;
}

/** What to call somebody: the name, else the account; guests have no account that says anything. */
export function nameOf(subject: string, names: PeopleNames): string {
  return names.get(subject) ?? (isGuestSubject(subject) ? "a guest" : subject);
}
