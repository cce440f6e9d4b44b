/** Who is a host by signing in: the list that a deployment keeps. */
import type { StreamName } from "../kit/ids.ts";
import { parseStreamName } from "../kit/ids.ts";
import { parseEmailAddress } from "./email-address.ts";

/** Streams by host: an e-mail address in lower case, or a subject of the OpenID provider. `*`: every stream. */
export type StreamHosts = ReadonlyMap<string, "*" | ReadonlySet<StreamName>>;

/** What a sign-in has proved about a person. */
export interface ProvenIdentity {
  /** An address that is known to be theirs, in lower case; null without one. */
  readonly email: string | null;
  /** The provider's subject; null if no provider was asked. */
  readonly providerSubject: string | null;
}

/** The list in `text`, such as `ann@example.com=show,talk 4711=*`; null if it is none. */
export function parseStreamHosts(text: string): StreamHosts | null {
  const hosts = new Map<string, "*" | ReadonlySet<StreamName>>();
  for (const entry of text.split(/\s+/).filter((each) => each !== "")) {
    const at = entry.lastIndexOf("=");
    const written = entry.slice(0, at);
    const who = written.includes("@") ? parseEmailAddress(written) : written;
    const streams = parseStreams(entry.slice(at + 1));
    if (at < 1 || who === null || streams === null || hosts.has(who)) return null;
    hosts.set(who, streams);
  }
  return hosts;
}

/** Whether a person is a host of the stream. An address counts only where it is proved; a subject with an `@` never does. */
export function isStreamHost(
  hosts: StreamHosts,
  { email, providerSubject }: ProvenIdentity,
  stream: StreamName,
): boolean {
  const subject = providerSubject?.includes("@") === true ? null : providerSubject;
  return [email, subject].some((who) => {
    const streams = who === null ? undefined : hosts.get(who);
    return streams === "*" || streams?.has(stream) === true;
  });
}

/** Whether the list has a host of this stream, whoever it is. */
export function hasStreamHost(hosts: StreamHosts, stream: StreamName): boolean {
  return [...hosts.values()].some((streams) => streams === "*" || streams.has(stream));
}

function parseStreams(list: string): "*" | ReadonlySet<StreamName> | null {
  if (list === "*") return "*";
  const names = list.split(",").map(parseStreamName);
  return names.every((name) => name !== null) ? new Set(names) : null;
}
