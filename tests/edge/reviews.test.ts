import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as bodyOf } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { RoomClient, type RoomSocket } from "../../core/room/client/client.ts";
import type { RoomEvent } from "../../core/room/events.ts";
import type { CommandOutcome } from "../../core/room/room-protocol.ts";
import type { StaffNote } from "../../core/room/staff-messages.ts";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { ADMIN_TOKEN } from "../support/admin-token.ts";
import { fetchEdge } from "../support/edge-requests.ts";
import { freePort } from "../support/ports.ts";

/** Reviews by message content; the last two give no review. */
const REVIEWER_WORKER = `export default { async fetch(request) {
  const { text } = await request.json();
  if (text.includes("bad")) return Response.json({ decision: "deny" });
  if (text.includes("garbage")) return new Response("<html>");
  if (text.includes("broken")) return new Response("no", { status: 500 });
  if (text.includes("never")) await new Promise(() => {});
  return Response.json({ decision: "allow" });
} };`;

/** The reviewing server's unanswered requests. */
interface Asked {
  readonly body: { readonly text: string; readonly sender: string; readonly local: { readonly decision: string } };
  readonly authorization: string | undefined;
  readonly answer: (review: object) => void;
}

const asked: Asked[] = [];
let server: Server;
let byAddress: LocalEdge;
let byBinding: LocalEdge;
let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "corral-reviews-"));
  server = createServer((request, response) => void take(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  byAddress = await startEdge({
    port: await freePort(),
    dataDir: join(dataDir, "address"),
    adminToken: ADMIN_TOKEN,
    bindings: {
      CORRAL_REVIEWER_URL: `http://127.0.0.1:${port}/review`,
      CORRAL_REVIEWER_TOKEN: "reviewer-token",
      // Far more than any of these tests waits.
      CORRAL_REVIEW_MS: "10000",
    },
  });
  byBinding = await startEdge({
    port: await freePort(),
    dataDir: join(dataDir, "binding"),
    adminToken: ADMIN_TOKEN,
    bindings: { CORRAL_REVIEW_MS: "2000", CORRAL_REVIEW_FALLBACK: "hold" },
    services: { REVIEWER: { script: REVIEWER_WORKER, port: await freePort() } },
  });
});

afterAll(async () => {
  await Promise.all([byAddress.stop(), byBinding.stop()]);
  server.closeAllConnections();
  server.close();
  await rm(dataDir, { recursive: true, force: true });
});

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = JSON.parse(await bodyOf(request)) as Asked["body"];
  const answer = (review: object): void => void response.end(JSON.stringify(review));
  asked.push({ body, authorization: request.headers.authorization, answer });
}

/** Waits for the server's request about `text`; there is no second one. */
async function askedAbout(text: string): Promise<Asked> {
  for (;;) {
    const at = asked.findIndex(({ body }) => body.text === text);
    const [found] = at < 0 ? [] : asked.splice(at, 1);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

interface Person {
  readonly client: RoomClient;
  readonly events: RoomEvent[];
  readonly notes: StaffNote[];
  say(text: string): Promise<CommandOutcome>;
}

const people: Person[] = [];
let rooms = 0;

afterEach(() => {
  for (const { client } of people.splice(0)) client.stop();
  asked.splice(0);
});

async function come(edge: LocalEdge, room: string, sub: string, roles: readonly string[] = []): Promise<Person> {
  const body = JSON.stringify({ room, sub, roles });
  const { token } = (await (await fetchEdge(`${edge.url}/dev/token`, { method: "POST", body })).json()) as {
    token: string;
  };
  const events: RoomEvent[] = [];
  const notes: StaffNote[] = [];
  const welcomed = Promise.withResolvers<void>();
  const client = new RoomClient({
    openSocket: () =>
      new WebSocket(`${edge.url.replace("http", "ws")}/rooms/${room}/socket?token=${token}`) as RoomSocket,
    clock: systemPlatform.clock,
    random: systemPlatform.random,
    listener: {
      onDelivery: (delivery) => events.push(...delivery.events),
      onWelcome: () => welcomed.resolve(),
      onStaffNotes: (told) => notes.push(...told),
    },
  });
  const person = { client, events, notes, say: (text: string) => client.sendCommand({ kind: "chat", text }) };
  people.push(person);
  client.start();
  await welcomed.promise;
  return person;
}

function newRoom(): string {
  rooms += 1;
  return `reviewed${rooms}`;
}

const textOf = (outcome: CommandOutcome): string | undefined =>
  outcome.ok && outcome.event?.kind === "chat" ? outcome.event.text : undefined;

test("an HTTP reviewer gets the local verdict, and its answer decides", async () => {
  const room = newRoom();
  const ann = await come(byAddress, room, "ann");
  const answers: [string, object][] = [
    ["fine", { decision: "allow" }],
    ["mean", { decision: "deny" }],
    ["clumsy", { decision: "rewrite", text: "elegant" }],
    ["doubtful", { decision: "hold" }],
  ];
  const outcomes: CommandOutcome[] = [];
  for (const [text, review] of answers) {
    const said = ann.say(text);
    const { body, authorization, answer } = await askedAbout(text);
    expect(authorization).toBe("Bearer reviewer-token");
    expect(body).toMatchObject({ stream: room, local: { decision: "allow", scores: {} } });
    expect(JSON.stringify(body)).not.toContain("ann");
    answer(review);
    outcomes.push(await said);
  }
  const [fine, mean, clumsy, doubtful] = outcomes;
  expect(fine).toMatchObject({ ok: true, event: { text: "fine", offset: 1 } });
  expect(mean).toEqual({ ok: false, error: "denied" });
  expect(clumsy).toMatchObject({ ok: true, event: { text: "elegant", offset: 2 } });
  expect(doubtful).toMatchObject({ ok: true, held: expect.any(String) });
});

test("during a review other messages continue, and messages of one participant keep their order", async () => {
  const room = newRoom();
  const host = await come(byAddress, room, "host", ["host"]);
  const ann = await come(byAddress, room, "ann");
  const first = ann.say("first");
  const second = ann.say("second");
  const firstAsked = await askedAbout("first");
  (await askedAbout("second")).answer({ decision: "allow" });
  expect((await host.client.sendCommand({ kind: "modes", modes: { slowS: 0 } })).ok).toBe(true);
  expect(textOf(await host.say("from the host"))).toBe("from the host");
  firstAsked.answer({ decision: "allow" });
  expect([textOf(await first), textOf(await second)]).toEqual(["first", "second"]);
  while (host.events.length < 4) await new Promise((resolve) => setTimeout(resolve, 20));
  const texts = host.events.flatMap((event) => (event.kind === "chat" ? [event.text] : []));
  expect(texts).toEqual(["from the host", "first", "second"]);
});

test("messages denied by the lists and messages of staff are not sent to the reviewer", async () => {
  const room = newRoom();
  const host = await come(byAddress, room, "host", ["host"]);
  const ann = await come(byAddress, room, "ann");
  await host.client.sendCommand({ kind: "words", words: ["spoiler"] });
  expect((await host.say("a spoiler")).ok).toBe(true);
  // Her shard learns the words with their event.
  while (ann.events.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await ann.say("a $p0iler")).toEqual({ ok: false, error: "denied" });
  expect(asked).toEqual([]);
});

test("a reviewer Worker decides, and one that is slow or fails is replaced by the configured fallback", async () => {
  const room = newRoom();
  const host = await come(byBinding, room, "host", ["host"]);
  const ann = await come(byBinding, room, "ann");
  for (const text of ["garbage", "broken", "never"]) {
    expect(await ann.say(`this is ${text}`), text).toMatchObject({ ok: true, held: expect.any(String) });
  }
  while (host.notes.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  for (const note of host.notes) expect(note).toMatchObject({ kind: "held", held: { reasons: ["unreviewed"] } });
  // Repeated: on a busy machine the reviewer may be late.
  const bob = await come(byBinding, room, "bob");
  let outcome = await bob.say("bad");
  while (outcome.ok || outcome.error === "rate-limited") {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    outcome = await bob.say("bad");
  }
  expect(outcome).toEqual({ ok: false, error: "denied" });
});
