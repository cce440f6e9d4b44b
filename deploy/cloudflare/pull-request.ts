/** What the pull Worker is asked for, and the command line of the origin that does it. Pure. */

/** A stream, where it is pulled from, and the key that publishes it. */
export interface PullRequest {
  readonly stream: string;
  readonly source: string;
  readonly key: string;
}

const STREAM = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const KEY = /^corral_[a-z0-9]{10}_[A-Za-z0-9_-]{43}$/;
/** Playback addresses of a live input, of a kilobyte at most. No other host: the container must not read from anywhere else. */
const SOURCE = /^(rtmps|srt):\/\/live\.cloudflare\.com(:\d{1,5})?[/?][^\s]{1,1024}$/;
/** Delay of the first restart, and the longest one. */
const RESTART_MS = { first: 1_000, longest: 60_000 } as const;

/** The request, or a sentence that says what is wrong. Without `isComplete` only the stream counts. */
export function parsePullRequest(stream: string, body: string, isComplete: boolean): PullRequest | string {
  if (!STREAM.test(stream)) return "The path is a stream's name.";
  if (!isComplete) return { stream, source: "", key: "" };
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return "Send JSON.";
  }
  const { source, key } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  if (typeof source !== "string" || !SOURCE.test(source))
    return "`source` is the rtmps:// or srt:// playback address of a live input, at live.cloudflare.com.";
  if (typeof key !== "string" || !KEY.test(key)) return "`key` is a stream key of the edge.";
  return { stream, source, key };
}

/** The origin's command line and environment; the key is not an argument, which others could list. */
export function pullCommand(
  { stream, source, key }: PullRequest,
  edge: string,
): { readonly args: string[]; readonly env: Record<string, string> } {
  const node = [
    "tini",
    "--",
    "node",
    "--disable-warning=ExperimentalWarning",
    "--max-semi-space-size=2",
    "origin/main.ts",
  ];
  return { args: [...node, source, "--stream", stream, "--edge", edge, "--log", "json"], env: { CORRAL_KEY: key } };
}

/** Wait before start number `restarts` + 1. */
export function restartDelayMs(restarts: number): number {
  return Math.min(RESTART_MS.longest, RESTART_MS.first * 2 ** Math.min(restarts, 10));
}
