/** E-mail addresses, in the one form in which two are equal. */

/** Characters of an address, RFC 5321 §4.5.3.1: 64 before the sign, 255 behind it, and 254 in all that a path may have. */
const MAX_ADDRESS_CHARS = 254;
/**
 * ASCII only: letters of other scripts change under case folding ("K", U+212A, becomes "k"), and would make two addresses one.
 * No quoted local parts, no comments, and no address literals: nothing in it can end a header's field.
 */
const ADDRESS = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9.-]+$/;
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const MAX_LOCAL_CHARS = 64;

/** The address in lower case; null if it is none. */
export function parseEmailAddress(text: unknown): string | null {
  if (typeof text !== "string") return null;
  const trimmed = text.trim();
  if (trimmed.length > MAX_ADDRESS_CHARS || !ADDRESS.test(trimmed)) return null;
  const at = trimmed.lastIndexOf("@");
  const labels = trimmed.slice(at + 1).split(".");
  if (at > MAX_LOCAL_CHARS || labels.length < 2 || !labels.every((label) => LABEL.test(label))) return null;
  return trimmed.toLowerCase();
}

/**
 * The name under which the mails to an address of `parseEmailAddress` are counted. Large providers deliver to one mailbox whatever
 * stands behind a plus sign (RFC 5233), and some with dots anywhere. Elsewhere several mailboxes may share a name, and so a limit.
 */
export function mailboxOf(address: string): string {
  const at = address.lastIndexOf("@");
  const local = address.slice(0, at);
  const [mailbox = ""] = local.split("+", 1);
  return `${(mailbox || local).replaceAll(".", "")}${address.slice(at)}`;
}
