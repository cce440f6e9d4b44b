import fc from "fast-check";
import { expect, test } from "vitest";
import { isLocalRequest } from "./local-request.ts";

const source = (host: string, origin: string | null = null, forwarded = false) => ({ host, origin, forwarded });

test.each(["localhost", "LOCALHOST:8787", "127.0.0.1", "127.0.0.1:8787", "127.8.255.3:1", "[::1]", "[::1]:8787"])(
  "%s is a name of this machine, and its own page may ask",
  (host) => {
    expect(isLocalRequest(source(host))).toBe(true);
    expect(isLocalRequest(source(host, `http://${host.toLowerCase()}`))).toBe(true);
  },
);

test.each([
  "",
  "evil.example",
  "127.0.0.1.evil.example",
  "127.0.0.1.evil.example:8787",
  "127.0.0.1.nip.io",
  "%j is not a local host name",
  "localhost.evil.example:8787",
  "evil.localhost",
  "notlocalhost",
  "localhost.",
  "localhost.:8787",
  "127.0.0.1.",
  "localhost:8787.",
  "localhost:",
  "localhost:65536",
  "localhost:8787:80",
  "localhost:80@evil.example",
  "127.0.0.1@evil.example",
  "evil.example#127.0.0.1",
  "evil.example/127.0.0.1",
  "127.0.0.1:8787, evil.example",
  "127.0.0.1 ",
  "127.0.0.1\tx",
  "127.0.0.256",
  "127.0.0",
  "127.1",
  "0127.0.0.1",
  "0x7f.0.0.1",
  "2130706433",
  "127.00.0.1",
  "0.0.0.0:8787",
  "[::]",
  "[::1",
  "::1",
  "[::1].evil.example",
  "[::ffff:127.0.0.1]",
  "[0:0:0:0:0:0:0:1]",
  "[fe80::1]",
  "ⓛocalhost",
  "192.168.1.5:8787",
])("%j is no name of this machine", (host) => {
  expect(isLocalRequest(source(host))).toBe(false);
  expect(isLocalRequest(source(host, `http://${host}`))).toBe(false);
});

test.each([
  "null",
  "",
  "http://evil.example",
  "http://127.0.0.1.evil.example:8787",
  "https://127.0.0.1:8787",
  "http://127.0.0.1",
  "http://127.0.0.1:3000",
  "http://localhost:8787",
  "http://[::1]:8787",
  "http://127.0.0.1:8787/",
  "http://127.0.0.1:8787.evil.example",
  "http://127.0.0.1:8787, http://evil.example",
  "file://",
  "chrome-extension://abcdef",
])("a page of origin %j may not request 127.0.0.1:8787", (origin) => {
  expect(isLocalRequest(source("127.0.0.1:8787", origin))).toBe(false);
});

test("a proxied request is not local, whatever its Host is", () => {
  expect(isLocalRequest(source("127.0.0.1:8787", null, true))).toBe(false);
});

test("a server may have one more host name, at any port", () => {
  expect(isLocalRequest(source("edge.test"), "edge.test")).toBe(true);
  expect(isLocalRequest(source("edge.test:80", "http://edge.test:80"), "edge.test")).toBe(true);
  expect(isLocalRequest(source("evil.edge.test"), "edge.test")).toBe(false);
  expect(isLocalRequest(source(""), "")).toBe(false);
});

test("no public host name is local", () => {
  const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: null });
  fc.assert(
    fc.property(fc.domain(), port, (domain, at) => {
      expect(isLocalRequest(source(at === null ? domain : `${domain}:${at}`))).toBe(false);
      for (const local of ["localhost", "127.0.0.1"]) {
        for (const name of [`${local}.${domain}`, `${domain}.${local}`]) {
          expect(isLocalRequest(source(name))).toBe(false);
        }
      }
    }),
  );
});
