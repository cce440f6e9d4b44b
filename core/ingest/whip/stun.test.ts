import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { isSameBytes } from "../../kit/bytes.ts";
import { parseStunCheck, type StunCheck, verifyStunCheck, writeStunSuccess } from "./stun.ts";
import { makeTestCheck } from "./testing.ts";

const hmac = (key: Uint8Array, bytes: Uint8Array): Uint8Array => createHmac("sha1", key).update(bytes).digest();
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ""), "hex"));

/** RFC 5769 §2.1: a request with the password below. */
const RFC_REQUEST = hex(`
  00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74
  00240004 6e0001ff 80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020
  00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf`);
const RFC_PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt";
/** RFC 5769 §2.2: its response, without SOFTWARE, has this address. */
const RFC_ADDRESS = hex("0020 0008 0001 a147 e112a643");

function read(bytes: Uint8Array): StunCheck {
  const check = parseStunCheck(bytes);
  if (check === null) throw new Error("no check");
  return check;
}

test("the request of RFC 5769 is read and verified", () => {
  const check = read(RFC_REQUEST);
  expect(check).toMatchObject({ localFragment: "evtj", remoteFragment: "h6vY", isNominating: false });
  expect(verifyStunCheck(check, RFC_PASSWORD, hmac, isSameBytes)).toBe(true);
  expect(verifyStunCheck(check, "another password of it", hmac, isSameBytes)).toBe(false);
});

test("the response has the sender's address as RFC 5769 encodes it, and is signed", () => {
  const address = { address: Uint8Array.of(192, 0, 2, 1), port: 32_853 };
  const response = writeStunSuccess(read(RFC_REQUEST), address, RFC_PASSWORD, hmac);
  expect(response.subarray(20, 32)).toEqual(RFC_ADDRESS);
  expect(response.subarray(8, 20)).toEqual(RFC_REQUEST.subarray(8, 20));
  expect(new DataView(response.buffer).getUint16(2)).toBe(response.byteLength - 20);
  const signed = response.slice(0, 32);
  new DataView(signed.buffer).setUint16(2, 36);
  expect(response.subarray(36, 56)).toEqual(new Uint8Array(hmac(new TextEncoder().encode(RFC_PASSWORD), signed)));
});

test("a response to an address of IPv6 is no longer than what a check may cost", () => {
  const address = { address: new Uint8Array(16).fill(32), port: 9 };
  expect(writeStunSuccess(read(RFC_REQUEST), address, RFC_PASSWORD, hmac).byteLength).toBeLessThan(100);
});

test("a nomination is told", () => {
  expect(read(makeTestCheck("evtj:h6vY", RFC_PASSWORD, hmac)).isNominating).toBe(true);
  expect(read(makeTestCheck("evtj:h6vY", RFC_PASSWORD, hmac, false)).isNominating).toBe(false);
});

test("what is no signed request is not read", () => {
  const cut = RFC_REQUEST.slice(0, 60);
  const response = RFC_REQUEST.slice();
  response[0] = 1;
  for (const bytes of [cut, response, new Uint8Array(0), new Uint8Array(600), RFC_REQUEST.subarray(1)])
    expect(parseStunCheck(bytes)).toBeNull();
});
