import { expect, test } from "vitest";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import type { JurisdictionNamespace } from "../../../core/room/jurisdiction-namespace.ts";
import { type KeyringRpc, keyringIndexOfSubject } from "../../../core/room/keyring.ts";
import { testBindings } from "../../../workers/testing.ts";
import { SubjectKeys } from "./subject-keys.ts";

const SUBJECT = "ann-given-up";

test("a subject whose key could not be destroyed gets a new key on return", async () => {
  const real = testBindings.KEYRING.getByName(String(keyringIndexOfSubject(SUBJECT))) as unknown as KeyringRpc;
  let reached = false;
  const keyring: KeyringRpc = {
    keysOf: (room, subjects) => real.keysOf(room, subjects),
    keysOfTags: (tags) => real.keysOfTags(tags),
    release: (tags) => (reached ? real.release(tags) : Promise.reject(new Error("overloaded"))),
  };
  const keys = new SubjectKeys(
    { getByName: () => keyring } as unknown as JurisdictionNamespace<KeyringRpc>,
    "keys-room",
    systemPlatform.clock,
  );
  const before = (await keys.forSubjects([SUBJECT])).get(SUBJECT);
  await expect(keys.release([before?.tag ?? ""])).rejects.toThrow("overloaded");
  reached = true;
  const after = (await keys.forSubjects([SUBJECT])).get(SUBJECT);
  expect(after?.tag).toBeDefined();
  expect(after?.tag).not.toBe(before?.tag);
  expect(await real.keysOfTags([before?.tag ?? ""])).toEqual([null]);
});
