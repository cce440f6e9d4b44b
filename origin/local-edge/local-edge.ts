/** The edge that the origin starts, and the calls to its control API. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { z } from "zod";
import type { Clock, Platform } from "../../core/kit/clock.ts";
import { parseStreamName, type StreamName } from "../../core/kit/ids.ts";
import { startDeadline } from "../kit/deadline.ts";
import { errorMessage, PublishError, UsageError } from "../kit/errors.ts";
import type { OriginLog } from "../kit/log.ts";
import { listFolders } from "../publisher/journal.ts";
import { resendJournals } from "../publisher/resend-journals.ts";

/** The edge to publish to. */
export interface EdgeAccess {
  readonly url: string;
  readonly key: string;
  /** Id of the publisher: one with another id waits for the lease of its predecessor to expire. */
  readonly publisher: string;
  /** Folder for media that the edge has not stored yet; null for an edge that outlives this process. */
  readonly journalFolder: string | null;
  stop(): Promise<void>;
}

const KEY_REQUEST_MS = 10_000;
/** The maximum lifetime of a token. */
const TOKEN_S = 86_400;

/**
 * Starts an edge on `port`, publishes the rest of an earlier run, and creates a key for `stream`. Throws `UsageError`
 * if the port or the folder cannot be used.
 */
export async function startLocalEdge(
  stream: StreamName,
  port: number,
  dataDir: string | null,
  log: OriginLog,
  platform: Platform,
): Promise<EdgeAccess> {
  const { clock } = platform;
  const { startEdge, PortError } = await import("./edge.ts");
  const { DataFolderError } = await import("./data-folder.ts");
  const data = dataDir ?? fileURLToPath(new URL(`../../.corral/edge-${port}`, import.meta.url));
  const keepSignals = suppressNewSignalHandlers();
  const edge = await startEdge({ port, dataDir: data }, platform.clock)
    .catch((cause: unknown) => {
      if (cause instanceof PortError || cause instanceof DataFolderError)
        throw new UsageError(cause.message, { cause });
      throw new PublishError(`The edge failed to start: ${errorMessage(cause)}`, { cause });
    })
    .finally(keepSignals);
  try {
    // This process holds the folder's lock, so no earlier local publisher is alive.
    const publisher = edge.secret("publisher");
    const unsent = join(data, "unsent");
    for (const name of listFolders(unsent)) {
      const cut = parseStreamName(name);
      if (cut === null) continue;
      const key = await createKey(edge.url, cut, edge.secret("admin"), clock);
      await resendJournals(join(unsent, cut), { edge: edge.url, key, stream: cut, publisher, log, platform });
    }
    const key = await createKey(edge.url, stream, edge.secret("admin"), clock);
    return { url: edge.url, key, publisher, journalFolder: join(unsent, stream), stop: () => edge.stop() };
  } catch (error) {
    await edge.stop();
    throw error;
  }
}

/**
 * Miniflare exits at the first signal, before the broadcast could end cleanly. Removes signal handlers that
 * are added from now on until the returned function is called; workerd still ends with the process by its exit handler.
 */
function suppressNewSignalHandlers(): () => void {
  const onAdded = (event: string | symbol, listener: (...args: unknown[]) => void): void => {
    if (event === "SIGINT" || event === "SIGTERM" || event === "SIGHUP") {
      queueMicrotask(() => process.removeListener(event, listener));
    }
  };
  process.on("newListener", onAdded);
  return () => process.removeListener("newListener", onAdded);
}

/** The label of the keys that local runs issue for themselves. */
const LOCAL_LABEL = "local";
/** Keys of a stream; with so many, which earlier releases have left, all are revoked. */
const MAX_LOCAL_KEYS = 900;

const KeysSchema = z.object({ keys: z.array(z.object({ id: z.string(), label: z.string(), state: z.string() })) });

/** A key for this run. Those of earlier runs are revoked: none of them publishes any more. */
async function createKey(url: string, stream: StreamName, adminToken: string, clock: Clock): Promise<string> {
  const headers = { authorization: `Bearer ${adminToken}` };
  const address = `${url}/api/streams/${stream}/keys`;
  const listed = KeysSchema.parse(
    await callEdge(address, { method: "GET", headers }, 200, "list of stream keys", clock),
  );
  const usable = listed.keys.filter(({ state }) => state === "usable");
  const earlier = usable.filter(({ label }) => label === LOCAL_LABEL).map(({ id }) => `${address}/${id}`);
  for (const each of usable.length < MAX_LOCAL_KEYS ? earlier : [address]) {
    await callEdge(each, { method: "DELETE", headers }, 204, "revocation of stream keys", clock);
  }
  const body = JSON.stringify({ label: LOCAL_LABEL });
  const issued = await callEdge(address, { method: "POST", headers, body }, 201, "stream key", clock);
  return z.object({ key: z.string() }).parse(issued).key;
}

/** A viewer who follows the host and has no other right, or the host. */
export type DevTokenRole = "viewer" | "host";

const DEV_TOKEN_CLAIMS: Readonly<Record<DevTokenRole, object>> = {
  viewer: { sub: "viewer", name: "Viewer", follower_since: 0 },
  host: { sub: "host", name: "Host", roles: ["host"] },
};

/** A token of the local edge, valid for a day. Throws `PublishError`. */
export async function createDevToken(
  url: string,
  stream: StreamName,
  role: DevTokenRole,
  clock: Clock,
): Promise<string> {
  const body = JSON.stringify({ room: stream, seconds: TOKEN_S, ...DEV_TOKEN_CLAIMS[role] });
  const answer = await callEdge(`${url}/dev/token`, { method: "POST", body }, 200, "viewer's token", clock);
  return z.object({ token: z.string() }).parse(answer).token;
}

/** One request to the edge: its JSON, or null without any. Throws `PublishError` on another status. */
async function callEdge(
  url: string,
  init: {
    readonly method: "GET" | "POST" | "DELETE";
    readonly headers?: Record<string, string>;
    readonly body?: string;
  },
  status: number,
  what: string,
  clock: Clock,
): Promise<unknown> {
  const deadline = startDeadline(clock, KEY_REQUEST_MS);
  try {
    const response = await request(url, { ...init, signal: deadline.signal });
    const text = await response.body.text();
    if (response.statusCode !== status) {
      throw new PublishError(`The edge answers no ${what}: ${response.statusCode} ${text.slice(0, 200)}`);
    }
    return text === "" ? null : JSON.parse(text);
  } finally {
    deadline.cancel();
  }
}
