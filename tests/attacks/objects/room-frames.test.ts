import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import type { Role } from "../../../core/access/roles.ts";
import { COMMANDS, type Command } from "../../../core/room/commands/index.ts";
import type { Participant } from "../../../core/room/participants.ts";
import { FRAME_REQUIREMENTS } from "../../../core/room/restrictions.ts";
import type { ClientFrame } from "../../../core/room/room-protocol.ts";
import { decodeClientFrame } from "../../../core/room/shard/decode-client-frame.ts";
import {
  issueTestToken,
  openGatewaySocket,
  shardStub,
  TestParticipant,
  waitForCondition,
} from "../../../durable-objects/room/testing.ts";
import { testBindings, testEdge } from "../../../workers/testing.ts";
import { Stubborn, viewerFor } from "./room-sockets.ts";

/** Senders of frames: the state of the socket, and restrictions. */
const SENDERS = [
  "unheard",
  "closed",
  "banned",
  "revoked",
  "expired",
  "over",
  "timedOut",
  "anonymous",
  "viewer",
  "moderator",
  "host",
] as const;
type Sender = (typeof SENDERS)[number];

/** One frame of each type except commands, and one command of each kind: a missing type or kind does not compile. */
const FRAMES: Readonly<Record<Exclude<ClientFrame["type"], "act">, object>> = {
  hello: { from: null },
  like: { count: 1 },
  react: { emoji: "🎉", count: 1 },
  play: { on: true },
  seen: {},
  renew: {},
};
const ACTS: Readonly<Record<Command["kind"], object>> = {
  chat: { text: "hello" },
  delete: { target: 1 },
  clear: { subject: "somebody" },
  pin: { target: null },
  modes: { modes: { slowS: 0 } },
  timeout: { subject: "somebody", seconds: 1 },
  ban: { subject: "somebody else", address: false },
  unban: { subject: "nobody" },
  role: { subject: "somebody", role: null },
  invite: { secret: "s".repeat(43) },
  uninvite: { invitation: "i".repeat(43) },
  accept: { secret: "t".repeat(43), isConfirmed: true },
  words: { words: [] },
  automod: { automod: {} },
  approve: { held: "x/1" },
  deny: { held: "x/1" },
  list: { what: "held" },
};

/** The results, in the order of `SENDERS`; `-` is no effect. A row for `act` is of a viewer's kinds, see `ofActs`. */
const EXPECTED: Readonly<Record<string, string>> = {
  // unheard closed banned revoked expired over timedOut anonymous viewer moderator host
  hello: "welcome - - - 4401 welcome welcome welcome welcome welcome welcome",
  like: "4400 - - - 4401 - - counted counted counted counted",
  react: "4400 - - - 4401 - - counted counted counted counted",
  play: "4400 - - - 4401 counted counted counted counted counted counted",
  seen: "4400 - - - - - - - - - -",
  renew: "4400 - - - renewed renewed renewed token-other-subject renewed renewed renewed",
  "act chat": "4400 - - - 4401 token-expired timed-out sign-in ok ok ok",
  "act delete": "4400 - - - 4401 token-expired timed-out sign-in forbidden ok ok",
  "act clear": "4400 - - - 4401 token-expired timed-out sign-in forbidden ok ok",
  "act pin": "4400 - - - 4401 token-expired timed-out sign-in forbidden ok ok",
  "act modes": "4400 - - - 4401 token-expired timed-out sign-in forbidden ok ok",
  "act timeout": "4400 - - - 4401 token-expired timed-out sign-in forbidden ok ok",
  "act ban": "4400 - - - 4401 token-expired timed-out sign-in forbidden ok ok",
  "act unban": "4400 - - - 4401 token-expired timed-out sign-in forbidden not-found not-found",
  "act role": "4400 - - - 4401 token-expired timed-out sign-in forbidden forbidden ok",
  "act invite": "4400 - - - 4401 token-expired timed-out sign-in forbidden forbidden ok",
  "act uninvite": "4400 - - - 4401 token-expired timed-out sign-in forbidden forbidden not-found",
  "act accept": "4400 - - - 4401 token-expired timed-out sign-in not-found not-found not-found",
  "act words": "4400 - - - 4401 token-expired timed-out sign-in forbidden ok ok",
  "act automod": "4400 - - - 4401 token-expired timed-out sign-in forbidden ok ok",
  "act approve": "4400 - - - 4401 token-expired timed-out sign-in forbidden not-found not-found",
  "act deny": "4400 - - - 4401 token-expired timed-out sign-in forbidden not-found not-found",
  "act list": "4400 - - - 4401 token-expired timed-out sign-in forbidden ok ok",
};

const viewers: TestParticipant[] = [];

afterEach(() => {
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

/** Every frame of clients, by name. */
function everyFrame(): Map<string, object> {
  const frames = Object.entries(FRAMES).map(([type, rest]) => [type, { type, ...rest }] as const);
  const acts = Object.entries(ACTS).map(
    ([kind, rest]) => [`act ${kind}`, { type: "act", id: "a", act: { kind, ...rest } }] as const,
  );
  return new Map([...frames, ...acts]);
}

test("every frame and command of the protocol has a row here, and is parsed by the room", () => {
  const types = Object.keys(FRAME_REQUIREMENTS).flatMap((type) =>
    type === "act" ? Object.keys(COMMANDS).map((kind) => `act ${kind}`) : [type],
  );
  expect(Object.keys(EXPECTED).sort()).toEqual(types.sort());
  expect([...everyFrame().keys()].sort()).toEqual(types);
  for (const [name, frame] of everyFrame()) {
    const text = JSON.stringify(name === "renew" ? { ...frame, token: "x" } : frame);
    expect("frame" in decodeClientFrame(text), name).toBe(true);
  }
  for (const row of Object.values(EXPECTED)) expect(row.split(" ")).toHaveLength(SENDERS.length);
});

const ROLES: Partial<Record<Sender, readonly Role[]>> = { moderator: ["moderator"], host: ["host"] };

/** A room in which sockets of one kind send all frames, each its own. */
class Stage {
  readonly room: string;
  readonly sender: Sender;
  readonly #calm: TestParticipant;
  #tapped = false;

  private constructor(sender: Sender, calm: TestParticipant, room: string) {
    this.sender = sender;
    this.room = room;
    this.#calm = calm;
  }

  static async of(sender: Sender): Promise<Stage> {
    const room = `table-${sender}`;
    const calm = await TestParticipant.joinShard(room, 0, "calm", ["host"]);
    viewers.push(calm);
    expect((await (await TestParticipant.joinShard(room, 0, "somebody")).say("the first")).ok).toBe(true);
    return new Stage(sender, calm, room);
  }

  subject(index: number): string | null {
    return this.sender === "anonymous" ? null : `${this.sender}-${index}`;
  }

  viewer(index: number): Participant {
    const roles = ROLES[this.sender] ?? [];
    const expiresMs = this.sender === "anonymous" ? null : Date.now() + 600_000;
    return viewerFor(this.subject(index), { roles, expiresMs, device: `device-${this.sender}-${index}` });
  }

  /** Brings welcomed sockets into this sender's state. */
  async prepare(sockets: readonly Stubborn[]): Promise<void> {
    const subjects = sockets.map((_, index) => this.subject(index) ?? "");
    switch (this.sender) {
      case "closed":
        await Promise.all(sockets.map((socket) => socket.haunt()));
        break;
      case "banned":
        for (const subject of subjects) await this.#calm.client.sendCommand({ kind: "ban", subject, address: false });
        await waitForCondition(() => sockets.every(({ closed }) => closed?.[0] === 4403));
        break;
      case "revoked": {
        const headers = { authorization: `Bearer ${testEdge.adminToken}` };
        for (const subject of subjects) {
          const body = JSON.stringify({ subject, version: 1 });
          await testEdge.ask(`/api/streams/${this.room}/revocations`, { method: "POST", headers, body });
        }
        await waitForCondition(() => sockets.every(({ closed }) => closed?.[0] === 4401));
        break;
      }
      case "timedOut":
        for (const subject of subjects) await this.#calm.client.sendCommand({ kind: "timeout", subject, seconds: 600 });
        await this.#calm.say("told");
        await waitForCondition(() => this.#calm.texts.includes("told"));
        break;
      case "expired":
      case "over":
        await this.#expire(this.sender === "over" ? 0 : 5_100);
        break;
      default:
    }
  }

  /** Their tokens ended this long ago; the shard has not noticed yet. */
  async #expire(agoMs: number): Promise<void> {
    await runInDurableObject(shardStub(this.room), (_shard, ctx) => {
      for (const socket of ctx.getWebSockets()) {
        const kept = socket.deserializeAttachment() as { viewer: Participant };
        if (kept.viewer.expiresMs === null) continue;
        socket.serializeAttachment({ ...kept, viewer: { ...kept.viewer, expiresMs: Date.now() - agoMs } });
      }
    });
    await evictDurableObject(shardStub(this.room));
  }

  /** Counted likes and playback, after everything was sent. */
  async counted(): Promise<Record<string, number>> {
    await this.#calm.say(`fence ${this.sender}`);
    if (!this.#tapped) {
      this.#tapped = true;
      this.#calm.client.addReaction();
      this.#calm.client.setPlaying(true);
    }
    const counts = async (): Promise<Record<string, number>> => {
      const { likes, reactions, watching } = (await testBindings.ROOM.getByName(this.room).summary()).counts;
      return { like: likes - 1, react: reactions["🎉"] ?? 0, play: watching - 1 };
    };
    await waitForCondition(async () => Math.min(...Object.values(await counts())) >= 0);
    return counts();
  }
}

/** The result of a frame of one socket, except for counts. */
function outcomeOf({ heard, closed }: Stubborn, before: number, wasClosed: boolean): string {
  if (closed !== null && !wasClosed) return String(closed[0]);
  const answer = heard.slice(before).find(({ type }) => type !== "tick" && type !== "staff");
  if (answer === undefined) return "-";
  const outcome = answer["outcome"] as { ok: boolean; error?: string } | undefined;
  if (outcome?.ok === false) return outcome.error ?? "";
  return answer["type"] === "ack" ? "ok" : String(answer["type"]);
}

test.each(SENDERS)("each frame from a socket that is %s has the effect in the table", async (sender) => {
  const stage = await Stage.of(sender);
  const frames = [...everyFrame()];
  const sockets = await Promise.all(frames.map((_, index) => Stubborn.at(stage.room, stage.viewer(index))));
  if (sender !== "unheard") await Promise.all(sockets.map((socket) => socket.come()));
  await stage.prepare(sockets);
  const before = sockets.map(({ heard, closed }) => ({ heard: heard.length, closed: closed !== null }));
  for (const [index, [name, frame]] of frames.entries()) {
    const sub = stage.subject(index) ?? "anybody";
    const renewal = { ...frame, token: await issueTestToken(stage.room, { sub, roles: [...(ROLES[sender] ?? [])] }) };
    sockets[index]?.send(name === "renew" ? renewal : frame);
  }
  let counted = await stage.counted();
  const expected = new Map(
    Object.entries(EXPECTED).map(([name, row]) => [name, row.split(" ")[SENDERS.indexOf(sender)] ?? ""]),
  );
  const outcomes = (): Map<string, string> =>
    new Map(
      frames.map(([name], index) => {
        const socket = sockets[index];
        const { heard = 0, closed = false } = before[index] ?? {};
        const outcome = socket === undefined ? "" : outcomeOf(socket, heard, closed);
        return [name, outcome === "-" && (counted[name] ?? 0) > 0 ? "counted" : outcome];
      }),
    );
  // An answer may arrive a little after the fence; a frame without an answer has had its time.
  for (let turns = 0; turns < 200; turns += 1) {
    if ([...expected].every(([name, outcome]) => outcome === "-" || outcomes().get(name) !== "-")) break;
    await scheduler.wait(10);
    counted = await stage.counted();
  }
  const table = (rows: Iterable<[string, string]>): object => Object.fromEntries([...rows].sort());
  expect(table(outcomes())).toEqual(table(expected));
});

test("an unauthorized viewer gets the reason at the upgrade, in each of these cases", async () => {
  const room = "table-door";
  const calm = await TestParticipant.join(room, { sub: "calm", roles: ["host"] });
  viewers.push(calm);
  await calm.client.sendCommand({ kind: "ban", subject: "banned", address: false });
  const at = async (query: string): Promise<readonly [number, string] | null> =>
    (await new Stubborn(await openGatewaySocket(`/rooms/${room}/socket?${query}`)).come()).closed;
  await waitForCondition(() => calm.events.some(({ kind }) => kind === "ban"));
  expect(await at("")).toBeNull();
  expect(await at(`token=${await issueTestToken(room, { sub: "ann" })}`)).toBeNull();
  expect(await at(`token=${await issueTestToken(room, { sub: "banned" })}`)).toEqual([4403, "banned"]);
  expect(await at("token=x")).toEqual([4401, "token-malformed"]);
  expect(await at(`token=${await issueTestToken("elsewhere", { sub: "ann" })}`)).toEqual([4401, "token-wrong-room"]);
});
