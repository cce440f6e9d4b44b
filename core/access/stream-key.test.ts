import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createStreamKeyId,
  formatStreamKey,
  isStreamKeyFormat,
  STREAM_KEY_ID_PATTERN,
  STREAM_KEY_PATTERN,
  streamKeyState,
} from "./stream-key.ts";

const secret = "s".repeat(43);

test("an id has ten characters of base36, whatever the random numbers", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 10 }),
      (numbers) => {
        let next = 0;
        const id = createStreamKeyId(() => numbers[next++ % numbers.length] ?? 0);
        return STREAM_KEY_ID_PATTERN.test(id) && STREAM_KEY_PATTERN.test(formatStreamKey(id, secret));
      },
    ),
  );
});

test("keys with and without an id are recognised, and nothing else", () => {
  expect(isStreamKeyFormat(formatStreamKey("0123abcxyz", secret))).toBe(true);
  expect(isStreamKeyFormat(`corral_${secret}`)).toBe(true);
  for (const text of [
    "",
    "corral_wrong",
    secret,
    `corral_${secret}s`,
    `corral_0123ABCXYZ_${secret}`,
    `corral_0123abcxy_${secret}`,
    `corral_0123abcxyz_${secret}=`,
    `corral_0123abcxyz_${secret}\n`,
    "a.b.c",
  ]) {
    expect(isStreamKeyFormat(text), text).toBe(false);
  }
});

test("a revoked key stays revoked, an expired one has expired at its very time, and a used-up one has no use left", () => {
  const key = { revokedMs: null, expiresMs: 1_000, usesLeft: 1 };
  expect(streamKeyState(key, 999)).toBe("usable");
  expect(streamKeyState(key, 1_000)).toBe("expired");
  expect(streamKeyState({ ...key, usesLeft: 0 }, 999)).toBe("used-up");
  expect(streamKeyState({ ...key, usesLeft: null, expiresMs: null }, 1e15)).toBe("usable");
  expect(streamKeyState({ ...key, revokedMs: 5, usesLeft: 0 }, 2_000)).toBe("revoked");
});
