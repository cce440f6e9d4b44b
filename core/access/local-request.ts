/** Whether a request comes from this machine, and from no foreign page. */

/** The origin data of a request. */
export interface RequestSource {
  /** The value of `Host`, as received. */
  readonly host: string;
  /** The value of `Origin`, or null. */
  readonly origin: string | null;
  /** Whether headers show a proxy: a tunnel from the internet connects from localhost. */
  readonly forwarded: boolean;
}

/** Only literal loopback names: other numeric spellings would depend on a resolver. */
const LOOPBACK = /^(?:localhost|127(?:\.(?:0|[1-9]\d{0,2})){3}|\[::1\])$/;
const PORT = /:(\d{1,5})$/;

/**
 * Whether a request is trusted as local. A page on the internet can reach a local server by its own host name, resolved
 * to 127.0.0.1 (DNS rebinding): `Host` reveals it. A page at another address of this machine, or in a
 * sandbox, is identified by its `Origin`. `bound` is a further host name of the server without scheme and port, or empty.
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
