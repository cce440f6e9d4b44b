import { expect, test } from "vitest";
import { getConfig } from "../../../core/api/config.ts";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import type { Participant } from "../../../core/room/participants.ts";
import { RoomState } from "../../../core/room/room-state.ts";
import { testBindings } from "../../../workers/testing.ts";
import { issueTestToken } from "../testing.ts";
import type { Connection } from "./connections.ts";
import { renewToken, type TokenRenewalContext } from "./renew-token.ts";

const room = "renewals";
const { clock } = systemPlatform;

function renew(
  roles: Participant["roles"],
  token: string,
  recordStaff: TokenRenewalContext["recordStaff"],
  state: RoomState = new RoomState(),
) {
  const viewer = { subject: "ann", name: "Ann", roles } as unknown as Participant;
  const connection = { viewer, state: "admitted", updateAttachment: () => {} } as unknown as Connection;
  const { viewerKeys: keys } = getConfig(testBindings);
  const loadState = (): Promise<RoomState> => Promise.resolve(state);
  return renewToken({ keys, stream: room, clock, loadState, recordStaff }, connection, token);
}

test("the room learns of a renewed token of its staff, which it protects until the token's end", async () => {
  const recorded: Participant[] = [];
  const record = (viewer: Participant): Promise<void> => {
    recorded.push(viewer);
    return Promise.resolve();
  };
  const outcome = await renew(["moderator"], await issueTestToken(room, { sub: "ann", roles: ["moderator"] }), record);
  expect(outcome.ok && recorded.map(({ expiresMs }) => expiresMs)).toEqual([outcome.ok && outcome.expiresMs]);
  expect(await renew([], await issueTestToken(room, { sub: "ann" }), record)).toMatchObject({ ok: true });
  expect(recorded).toHaveLength(1);
  const appointing = RoomState.fromEntries([{ of: "role", key: "ann", value: "moderator" }]);
  expect(await renew([], await issueTestToken(room, { sub: "ann" }), record, appointing)).toMatchObject({ ok: true });
  expect(recorded).toHaveLength(2);
});

test("a renewal that the room did not record is refused, so that the client repeats it", async () => {
  const token = await issueTestToken(room, { sub: "ann", roles: ["moderator"] });
  const refuse = (): Promise<void> => Promise.reject(new Error("the room does not answer"));
  expect(await renew(["moderator"], token, refuse)).toEqual({ ok: false, error: "unavailable" });
});
