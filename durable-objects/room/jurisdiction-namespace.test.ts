import { expect, test } from "vitest";
import { parseStreamName } from "../../core/kit/ids.ts";
import { getObjectInJurisdiction, listJurisdictions } from "../../core/room/jurisdiction-namespace.ts";
import { keyringObjectName } from "../../core/room/keyring.ts";
import { jurisdictionOfObject, roomObjectName } from "../../core/room/object-names.ts";
import { testBindings } from "../../workers/testing.ts";

const stream = parseStreamName("show") ?? expect.unreachable();

test("room, shards and keyrings of a bound stream are addressed in its jurisdiction only", () => {
  const asked: string[] = [];
  const named = (where: string): { getByName(name: string): number } => ({
    getByName: (name) => asked.push(`${where} ${name}`),
  });
  // workerd has no jurisdictions: the platform's namespaces are replaced.
  const namespace = { ...named("anywhere"), jurisdiction: named };
  const room = roomObjectName(stream, "eu");
  const names = [room, `${room}/3`, keyringObjectName(7, jurisdictionOfObject(room)), "show", "show/3", "7"];
  for (const name of names) getObjectInJurisdiction(namespace, name);
  expect(asked).toEqual(["eu eu:show", "eu eu:show/3", "eu eu:7", "anywhere show", "anywhere show/3", "anywhere 7"]);
  expect(listJurisdictions(namespace)).toEqual([null, "eu"]);
});

test("a runtime without jurisdictions throws instead of creating the object elsewhere", () => {
  expect(() => getObjectInJurisdiction(testBindings.ROOM, roomObjectName(stream, "eu"))).toThrow("not implemented");
  expect(listJurisdictions(testBindings.ROOM)).toEqual([null]);
});
