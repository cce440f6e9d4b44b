import { beforeEach, expect, test } from "vitest";
import { DispatchDesk } from "../../core/dispatch/dispatch-desk.ts";
import type { DispatchAnswer, NodeHeartbeat } from "../../core/dispatch/dispatch-message.ts";
import { type HeartbeatCall, LeaseClient } from "../../core/dispatch/lease-client.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { parseLadderFlags } from "../packager/ladder.ts";
import { PRESETS } from "../packager/presets.ts";
import { Transcoder } from "../packager/transcoder.ts";
import { LeasedPlaces, LocalPlaces, type PlaceOutcome } from "./transcode-places.ts";

let clock: VirtualClock;
let desk: DispatchDesk | null;
beforeEach(() => {
  clock = new VirtualClock();
  desk = new DispatchDesk(clock);
});

const createTranscoder = (limit: number): Transcoder =>
  new Transcoder({ mode: "auto", limit, ladder: parseLadderFlags("180p:300k"), preset: PRESETS.ultra, clock });

/** A node of the cluster whose messages take 20 ms; none arrives while `desk` is null. */
function startNode(name: string, limit: number): { transcoder: Transcoder; places: LeasedPlaces; client: LeaseClient } {
  const transcoder = createTranscoder(limit);
  const send = (message: NodeHeartbeat): HeartbeatCall => {
    const call = Promise.withResolvers<DispatchAnswer>();
    clock.startTimer(20, () => {
      if (desk === null) call.reject(new Error("no route"));
      else void desk.heartbeat(name, message).then((answer) => call.resolve(answer ?? expect.fail("refused")));
    });
    return { answer: call.promise, abort: () => call.reject(new Error("aborted")) };
  };
  const leave = (): Promise<void> => Promise.resolve(desk?.leave(name, name));
  const freePlaces = (): number => limit - transcoder.places.used;
  const client = new LeaseClient({ clock, instance: name, send, leave, freePlaces });
  client.start();
  return { transcoder, places: new LeasedPlaces(transcoder, client, clock), client };
}

function request(
  places: { request: LocalPlaces["request"] },
  stream: string,
): { outcomes: PlaceOutcome[]; cancel: () => void } {
  const outcomes: PlaceOutcome[] = [];
  const cancel = places.request(stream as StreamName, (outcome) => outcomes.push(outcome));
  return { outcomes, cancel };
}

const release = ({ outcomes }: { outcomes: PlaceOutcome[] }): void => {
  const last = outcomes.at(-1);
  if (last?.kind !== "granted") expect.fail("not granted");
  last.release();
};

test("without dispatch a place is granted or refused at once", () => {
  const places = new LocalPlaces(createTranscoder(1));
  const first = request(places, "one");
  expect(first.outcomes.map(({ kind }) => kind)).toEqual(["granted"]);
  expect(request(places, "two").outcomes).toMatchObject([
    { kind: "refused", sentence: expect.stringContaining("(1)") },
  ]);
  release(first);
  expect(request(places, "two").outcomes).toMatchObject([{ kind: "granted" }]);
});

test("a place is leased within a round trip, and a second request waits until it is given back", async () => {
  const { places, transcoder } = startNode("a", 1);
  await clock.advance(500);
  const first = request(places, "one");
  await clock.advance(100);
  expect(first.outcomes.map(({ kind }) => kind)).toEqual(["granted"]);
  await clock.advance(500);
  const second = request(places, "two");
  await clock.advance(5_000);
  expect(second.outcomes.at(-1)).toMatchObject({ kind: "waiting", ahead: 0, roomAt: null });
  release(first);
  await clock.advance(1_000);
  expect(second.outcomes.at(-1)?.kind).toBe("granted");
  expect(transcoder.places.used).toBe(1);
  expect(desk?.status()).toMatchObject({ jobs: 1, waiting: 0, nodes: [{ leases: 1, freePlaces: 0 }] });
});

test("a request that waits for 10 s is refused with the node that has room", async () => {
  const [{ places }] = [startNode("a", 1), startNode("b", 1)];
  request(places, "one");
  await clock.advance(1_000);
  const second = request(places, "two");
  await clock.advance(9_000);
  expect(second.outcomes.at(-1)).toMatchObject({ kind: "waiting", roomAt: "b" });
  await clock.advance(1_500);
  expect(second.outcomes.at(-1)).toMatchObject({
    kind: "refused",
    sentence: expect.stringMatching(/\(1\); the server b has room$/),
  });
  await clock.advance(1_000);
  expect(desk?.status()).toMatchObject({ jobs: 1, waiting: 0 });
});

test("while dispatch cannot be reached the node decides by itself, and is heard later", async () => {
  const working = desk;
  desk = null;
  const { places, transcoder } = startNode("a", 1);
  const first = request(places, "one");
  await clock.advance(2_500);
  expect([first.outcomes.at(-1)?.kind, transcoder.places.used]).toEqual(["granted", 1]);
  const second = request(places, "two");
  await clock.advance(12_000);
  expect(second.outcomes.at(-1)?.kind).toBe("refused");
  desk = working;
  await clock.advance(6_000);
  expect(desk?.status()).toMatchObject({ jobs: 1, nodes: [{ node: "a", leases: 1, freePlaces: 0 }] });
});

test("a withdrawn request leaves nothing behind, and a node that ends gives all back", async () => {
  const { places, client, transcoder } = startNode("a", 1);
  request(places, "one");
  const second = request(places, "two");
  await clock.advance(1_000);
  second.cancel();
  await clock.advance(1_000);
  expect([transcoder.places.used, desk?.status().jobs]).toEqual([1, 1]);
  await client.close();
  await clock.advance(20_000);
  expect(desk?.status()).toEqual({ nodes: [], jobs: 0, waiting: 0 });
  expect(clock.pendingTimers).toBe(0);
});
