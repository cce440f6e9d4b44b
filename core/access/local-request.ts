/** Whether a request was made on the machine that answers it, by nobody's page but its own. */

/** What a request says of where it comes from. */
export interface RequestSource {
  /** The value of `Host`, as it was sent. */
  readonly host: string;
  /** The value of `Origin`, or null where there is none. */
  readonly origin: string | null;
  /** Whether headers say that it came by a proxy: a tunnel that brings the internet in calls itself local. */
  readonly forwarded: boolean;
}

/** A host's own names: numbers and spellings that a resolver would have to read are no names of it. */
const LOOPBACK = /^(?:localhost|127(?:\.(?:0|[1-9]\d{0,2})){3}|\[::1\])$/;
const PORT = /:(\d{1,5})$/;

/**
 * Whether a request may be trusted for being local. A page of the internet reaches a local server by its own name, which it
 * has resolved to 127.0.0.1 (DNS rebinding): `Host` gives it away. A page at another address of this machine, or in a
 * sandbox, is known by its `Origin`. `bound` is a further name of the server with neither scheme nor port, or empty.
 */
export function isLocalRequest({ host, origin, forwarded }: RequestSource, boundName = ""): boolean {
  if (forwarded) return false;
  const written = host.toLowerCase();
  const name = written.replace(PORT, "");
  const port = Number(PORT.exec(written)?.[1] ?? 80);
  if (port > 65_535 || !(isLoopback(name) || (boundName !== "" && name === boundName))) return false;
  return origin === null || origin.toLowerCase() === `http://${written}`;
}

function isLoopback(name: string): boolean {
  return LOOPBACK.test(name) && name.split(".").every((group) => !/^\d+$/.test(group) || Number(group) < 256);
}
