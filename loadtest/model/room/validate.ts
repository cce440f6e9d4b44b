/** Compares the room's model with the real room: the product's client against the real Worker and objects. */
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { markdownTable } from "../print.ts";
import { seededRandom } from "../random.ts";
import { ModelAudience } from "./audience.ts";
import { withRoomEdge } from "./calibrate.ts";
import type { RoomCallCounts } from "./call-counts.ts";
import { roomRates, type SteadyRoom } from "./rates.ts";
import { sqliteRows } from "./rows.ts";
import type { RoomModelOptions } from "./run.ts";

/** The compared rooms. */
const ROOMS = [
  { viewers: 200, chatPerMinute: 3, likesPerMinute: 3 },
  { viewers: 500, chatPerMinute: 1, likesPerMinute: 2 },
  { viewers: 500, chatPerMinute: 6, likesPerMinute: 0 },
  { viewers: 1_200, chatPerMinute: 2, likesPerMinute: 0 },
] as const;
const SECONDS = 30;
/** Once all are connected, counts change for another moment. */
const SETTLE_MS = 6_000;
/** Number of timed calls. */
const CALLS = 100;
/** A participant may write one message in two seconds. */
const PERSON_PER_MINUTE = 20;
/** Smaller counts are unreliable. */
const MIN_COUNT = 40;

/** What was counted, and what the model says. */
export interface RoomComparison {
  readonly what: string;
  readonly measured: number;
  readonly modelled: number;
  /** Measured ÷ modelled; null if there are too few to compare. */
  readonly ratio: number | null;
}

/** A room, and what both counted. */
export interface RoomValidation {
  readonly viewers: number;
  readonly messagesPerSecond: number;
  readonly comparisons: readonly RoomComparison[];
}

/** Runs each room, and the model with it. */
export async function validateRoom(
  options: RoomModelOptions,
  onProgress: (line: string) => void,
): Promise<readonly RoomValidation[]> {
  const done: RoomValidation[] = [];
  for (const room of ROOMS) {
    onProgress(`room of ${room.viewers} viewers for ${SECONDS} s …`);
    const { viewers, ...habits } = room;
    const assumed = { ...options.assumptions, ...habits, stayS: Number.POSITIVE_INFINITY };
    const { sendMs } = options.measurements;
    // Here one process and one thread runs the room and its shard, so a tick waits until the shard has sent the last one.
    const alone = { viewers, shards: 1, sendMs, sharedMs: viewers * sendMs, placesPerSecond: 0, withoutRelays: false };
    const measured = await measureRoom(viewers, assumed, options.seed);
    const standing: SteadyRoom = {
      ...alone,
      assumptions: { ...assumed, storeMs: measured.storeMs },
      hopMs: measured.hopMs,
    };
    done.push({
      viewers,
      messagesPerSecond: (viewers * room.chatPerMinute) / 60,
      comparisons: compareRoomWithModel(measured, standing, options.seed),
    });
  }
  return done;
}

type RoomMeasurement = Pick<
  RoomCallCounts,
  "submissions" | "acts" | "reports" | "delivers" | "framesIn" | "rowsWritten"
> & {
  readonly frames: number;
  readonly chars: number;
  /** Call latency between objects, and the additional storage latency; ms. */
  readonly hopMs: number;
  readonly storeMs: number;
};

function measureRoom(viewers: number, assumed: SteadyRoom["assumptions"], seed: number): Promise<RoomMeasurement> {
  return withRoomEdge(async ({ url }) => {
    const writers = Math.min(viewers, Math.ceil((viewers * assumed.chatPerMinute) / PERSON_PER_MINUTE));
    const audience = await ModelAudience.connect({ url, viewers, writers, roles: ["verified"], playing: true });
    try {
      const hopMs = await callMs(`${url}/calls/model/${CALLS}`);
      const storeMs = Math.max(0, (await callMs(`${url}/stores/model/${CALLS}`)) - hopMs);
      await sleep(SETTLE_MS);
      const before = { ...(await fetchCallCounts(url)), ...audience.received };
      await playAudience(audience, writers, assumed, seed);
      const after = { ...(await fetchCallCounts(url)), ...audience.received };
      const grown = (name: keyof typeof after): number => after[name] - before[name];
      return {
        submissions: grown("submissions"),
        acts: grown("acts"),
        reports: grown("reports"),
        delivers: grown("delivers"),
        framesIn: grown("framesIn"),
        rowsWritten: grown("rowsWritten"),
        frames: grown("frames"),
        chars: grown("chars"),
        hopMs,
        storeMs,
      };
    } finally {
      audience.disconnect();
    }
  });
}

async function callMs(address: string): Promise<number> {
  const began = performance.now();
  await fetch(address);
  return (performance.now() - began) / CALLS;
}

/** Messages and likes occur at random times at this average rate. */
async function playAudience(
  audience: ModelAudience,
  writers: number,
  { chatPerMinute, likesPerMinute, textChars }: SteadyRoom["assumptions"],
  seed: number,
): Promise<void> {
  const random = seededRandom(seed);
  const { clients } = audience;
  const perMs = (perMinute: number): number => (clients.length * perMinute) / 60_000;
  const [chat, taps] = [perMs(chatPerMinute), perMs(likesPerMinute)];
  const began = performance.now();
  let writer = 0;
  for (let atMs = 0; ; ) {
    atMs += -Math.log(1 - random()) / (chat + taps);
    if (atMs >= SECONDS * 1_000) break;
    await sleep(began + atMs - performance.now());
    if (random() * (chat + taps) < chat) {
      void clients[writer % writers]?.sendCommand({ kind: "chat", text: "x".repeat(textChars) });
      writer += 1;
    } else clients[Math.floor(random() * clients.length)]?.addReaction();
  }
  await sleep(began + SECONDS * 1_000 - performance.now());
}

/** Compares measurement and model. Exported for its tests. */
export function compareRoomWithModel(
  measured: RoomMeasurement,
  standing: SteadyRoom,
  seed: number,
): readonly RoomComparison[] {
  const rates = roomRates(standing, seededRandom(seed));
  const { messages, counts } = sqliteRows(rates, { pruned: false, objects: 2 });
  const { viewers } = standing;
  // All joined at about the same time, so their flow-control acknowledgements coincide.
  const said = viewers * Math.floor((rates.bytesOut * SECONDS) / ROOM_LIMITS.flowAckEveryChars);
  const framesIn = rates.messages + rates.likes + rates.playFrames + said / SECONDS;
  const pairs: readonly (readonly [string, number, number])[] = [
    ["messages at the room", measured.acts, rates.messages],
    ["calls with messages and likes", measured.submissions, rates.submissions],
    ["presence reports", measured.reports, rates.reports],
    ["calls to the shard", measured.delivers, rates.delivers],
    ["frames in, without heartbeats", measured.framesIn, framesIn],
    ["frames out", measured.frames, rates.framesOut * viewers],
    ["bytes out", measured.chars, rates.bytesOut * viewers],
    ["rows written", measured.rowsWritten, messages + counts],
  ];
  return pairs.map(([what, counted, perSecond]) => {
    const modelled = perSecond * SECONDS;
    const ratio = Math.max(counted, modelled) < MIN_COUNT ? null : counted / modelled;
    return { what, measured: counted, modelled: Math.round(modelled), ratio };
  });
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

async function fetchCallCounts(url: string): Promise<RoomCallCounts> {
  return (await (await fetch(`${url}/counted`)).json()) as RoomCallCounts;
}

/** The comparison as a table. */
export function roomValidationTable(validations: readonly RoomValidation[]): string {
  return markdownTable(
    ["viewers", "messages/s", `in ${SECONDS} s`, "measured", "modelled", "measured ÷ modelled"],
    validations.flatMap(({ viewers, messagesPerSecond, comparisons }) =>
      comparisons.map(({ what, measured, modelled, ratio }) => [
        String(viewers),
        messagesPerSecond.toFixed(0),
        what,
        String(measured),
        String(modelled),
        ratio === null ? "too few" : ratio.toFixed(2),
      ]),
    ),
  );
}
