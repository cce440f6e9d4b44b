/** The command line of the room's bench. */

/** The parts of the bench. */
export const ROOM_BENCH_PARTS = ["compare", "hold", "bans", "counts", "storm", "losses"] as const;
/** One part. */
export type RoomBenchPart = (typeof ROOM_BENCH_PARTS)[number];

/** The parsed options. */
export interface RoomBenchOptions {
  readonly only: readonly RoomBenchPart[];
  readonly viewers: number;
  readonly perSecond: number;
  readonly sockets: number;
  readonly returning: number;
  readonly losses: number;
  readonly seconds: number;
}

/** The arguments as typed. */
export interface RoomBenchArgs {
  readonly only?: string | undefined;
  readonly viewers: string;
  readonly rate: string;
  readonly sockets: string;
  readonly returning: string;
  readonly losses: string;
  readonly seconds: string;
}

/** Invalid arguments; `message` says which and why. */
export class RoomBenchUsageError extends Error {
  override readonly name = "BadBench";
}

/** The limit of a shard; fewer are held if workerd may not open as many files. */
const MOST_SOCKETS = 20_000;
/** workerd opens two files for each socket, and may open 20,000 on most machines. */
const MOST_VIEWERS = 9_900;

/** Parses the arguments. Throws `RoomBenchUsageError`. */
export function parseRoomBenchOptions(args: RoomBenchArgs): RoomBenchOptions {
  const only = args.only?.split(",") ?? [...ROOM_BENCH_PARTS];
  const unknown = only.find((part) => !(ROOM_BENCH_PARTS as readonly string[]).includes(part));
  if (unknown !== undefined)
    throw new RoomBenchUsageError(`Unknown part ${unknown}: use some of ${ROOM_BENCH_PARTS.join(", ")}.`);
  return {
    only: only as RoomBenchPart[],
    viewers: whole("viewers", args.viewers, 10, MOST_VIEWERS),
    perSecond: whole("rate", args.rate, 2, 1_000),
    sockets: whole("sockets", args.sockets, 10, MOST_SOCKETS),
    returning: whole("returning", args.returning, 10, MOST_VIEWERS),
    losses: whole("losses", args.losses, 1, 10_000),
    seconds: whole("seconds", args.seconds, 2, 3_600),
  };
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RoomBenchUsageError(`--${name} is a whole number from ${least} to ${most}, not ${text}.`);
  }
  return value;
}
