/**
 * The link by which a host invites a moderator. Its secret is in the fragment, which no server and no log sees; the page that is
 * opened with it removes it from the address bar.
 */

const SECRET_PATTERN = /^[A-Za-z0-9_-]{43}$/;
const SECRET_BYTES = 32;

/** A new secret. */
export function createInvitationSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** The link; `origin` like `https://live.example`. */
export function formatInvitationLink(origin: string, stream: string, secret: string): string {
  return `${origin}/studio/${stream}?tab=room#invite=${secret}`;
}

/** The secret in a fragment like `#invite=…`, and the fragment without it; `secret` is null if there is none. */
export function splitInvitationFragment(hash: string): { readonly secret: string | null; readonly rest: string } {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const secret = fields.get("invite");
  if (secret === null) return { secret: null, rest: hash };
  fields.delete("invite");
  const rest = fields.toString();
  return { secret: SECRET_PATTERN.test(secret) ? secret : "", rest: rest === "" ? "" : `#${rest}` };
}

/** The secret in the page's address, which is removed from it; empty if it is malformed, null without one. */
export function takeInvitationSecret(): string | null {
  const { secret, rest } = splitInvitationFragment(location.hash);
  if (secret !== null) history.replaceState(history.state, "", `${location.pathname}${location.search}${rest}`);
  return secret;
}
