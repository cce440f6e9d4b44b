import { expect, test } from "vitest";
import { type KeyringCalls, keyringOf } from "../../protocol/room/keyring.ts";
import type { Located } from "../../tiers/located.ts";
import { bindings } from "../../workers/testing.ts";
import { RoomKeys } from "./keys.ts";

const SUBJECT = "ann-given-up";

test("a person whose key couldn't be destroyed has another one when it comes back", async () => {
  const real = bindings.KEYRING.getByName(String(keyringOf(SUBJECT))) as unknown as KeyringCalls;
  let reached = false;
  const keyring: KeyringCalls = {
    keysOf: (room, subjects) => real.keysOf(room, subjects),
    keysOfTags: (tags) => real.keysOfTags(tags),
    release: (tags) => (reached ? real.release(tags) : Promise.reject(new Error("overloaded"))),
  };
  const keys = new RoomKeys({ getByName: () => keyring } as unknown as Located<KeyringCalls>, "keys-room");
  const before = (await keys.of([SUBJECT])).get(SUBJECT);
  await expect(keys.release([before?.tag ?? ""])).rejects.toThrow("overloaded");
  reached = true;
  const after = (await keys.of([SUBJECT])).get(SUBJECT);
  expect(after?.tag).toBeDefined();
  expect(after?.tag).not.toBe(before?.tag);
  expect(await real.keysOfTags([before?.tag ?? ""])).toEqual([null]);
});
