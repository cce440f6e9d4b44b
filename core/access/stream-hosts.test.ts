import fc from "fast-check";
import { expect, test } from "vitest";
import { parseStreamName, type StreamName } from "../kit/ids.ts";
import { hasStreamHost, isStreamHost, parseStreamHosts, type StreamHosts } from "./stream-hosts.ts";

const show = "show" as StreamName;
const talk = "talk" as StreamName;
const other = "other" as StreamName;

function parse(text: string): StreamHosts {
  const hosts = parseStreamHosts(text);
  if (hosts === null) throw new Error(`${text} is no list`);
  return hosts;
}

test("a person is a host of the streams that the list names, by a proved address or the provider's subject", () => {
  const hosts = parse("Ann@Example.com=show,talk  auth0|4711=show\n0815=*");
  const isHost = (email: string | null, providerSubject: string | null, stream: StreamName): boolean =>
    isStreamHost(hosts, { email, providerSubject }, stream);
  expect([show, talk, other].map((stream) => isHost("ann@example.com", null, stream))).toEqual([true, true, false]);
  expect(isHost(null, "auth0|4711", show)).toBe(true);
  expect(isHost("bob@example.com", "auth0|4711", talk)).toBe(false);
  expect(isHost(null, "0815", other)).toBe(true);
  expect(isHost(null, null, show)).toBe(false);
  // A provider whose subjects are names of its users' choice proves no address by them.
  expect(isHost(null, "ann@example.com", show)).toBe(false);
  expect(hasStreamHost(hosts, other)).toBe(true);
  expect(hasStreamHost(parse("ann@example.com=show"), other)).toBe(false);
  expect(hasStreamHost(parse(""), show)).toBe(false);
});

test("a list with a mistake is no list, not a shorter one", () => {
  for (const text of [
    ...["ann@example.com", "ann@example.com=", "=show", "ann@example.com=SHOW", "ann@example.com=show,", "*"],
    ...["ann@example=show", "ann@example.com=show ann@EXAMPLE.com=talk", "ann@example.com=show;talk", "a b=show"],
  ])
    expect(parseStreamHosts(text), text).toBeNull();
});

test("nobody is a host who is not on the list", () => {
  fc.assert(
    fc.property(fc.string(), fc.option(fc.emailAddress(), { nil: null }), fc.string(), (text, email, subject) => {
      const hosts = parseStreamHosts(text) ?? parse("ann@example.com=show");
      const stream = parseStreamName("show") ?? show;
      if (!isStreamHost(hosts, { email, providerSubject: subject }, stream)) return;
      expect([...hosts.keys()]).toContain(email !== null && hosts.has(email) ? email : subject);
    }),
  );
});
