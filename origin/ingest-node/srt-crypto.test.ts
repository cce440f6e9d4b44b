import { expect, test } from "vitest";
import { nodeSrtCrypto } from "./srt-crypto.ts";

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");
const text = (value: string): Uint8Array => Buffer.from(value);
const toHex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString("hex"));

test("keys are derived as in RFC 6070", () => {
  expect(toHex(nodeSrtCrypto.pbkdf2Sha1(text("password"), text("salt"), 2, 20))).toBe(
    "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957",
  );
  expect(
    toHex(
      nodeSrtCrypto.pbkdf2Sha1(
        text("passwordPASSWORDpassword"),
        text("saltSALTsaltSALTsaltSALTsaltSALTsalt"),
        4_096,
        25,
      ),
    ),
  ).toBe("3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038");
});

test("keys of each size are unwrapped as in RFC 3394, and not with another key", () => {
  const kek = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
  const key = "00112233445566778899aabbccddeeff";
  const wrapped = [
    [16, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"],
    [24, "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"],
    [32, "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7"],
  ] as const;
  for (const [keyBytes, bytes] of wrapped) {
    expect(toHex(nodeSrtCrypto.unwrapKey(hex(kek).subarray(0, keyBytes), hex(bytes)))).toBe(key);
  }
  expect(nodeSrtCrypto.unwrapKey(hex(kek).subarray(1, 17), hex(wrapped[0][1]))).toBeNull();
  expect(nodeSrtCrypto.unwrapKey(hex(kek).subarray(0, 16), hex("00"))).toBeNull();
});

test("payloads are encrypted as in SP 800-38A", () => {
  const counter = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
  const clear = hex("6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51");
  const encrypted = nodeSrtCrypto.applyAesCtr(hex("2b7e151628aed2a6abf7158809cf4f3c"), counter, clear);
  expect(toHex(encrypted)).toBe("874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff");
  expect(toHex(nodeSrtCrypto.applyAesCtr(hex("2b7e151628aed2a6abf7158809cf4f3c"), counter, encrypted))).toBe(
    toHex(clear),
  );
});

test("cookies are HMAC-SHA-256 as in RFC 4231", () => {
  expect(toHex(nodeSrtCrypto.hmacSha256(text("Jefe"), text("what do ya want for nothing?")))).toBe(
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
});
