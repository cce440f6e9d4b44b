/** The edge that the origin starts, and the calls to its control API. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { z } from "zod";
import { formatIngestAddresses, type IngestAddresses } from "../../core/api/ingest-addresses.ts";
import type { Clock, Platform } from "../../core/kit/clock.ts";
import { startDeadline } from "../../core/kit/deadline.ts";
import { parseStreamName, type StreamName } from "../../core/kit/ids.ts";
import { errorMessage, PublishError, UsageError } from "../kit/errors.ts";
import { issuesTokens, LOOPBACK, networkUrls } from "../kit/listen-address.ts";
import type { OriginLog } from "../kit/log.ts";
import { signViewerToken, type TokenSpec } from "../kit/viewer-token.ts";
import { listFolders } from "../publisher/journal.ts";
import { resendJournals } from "../publisher/resend-journals.ts";
import type { LocalEdge } from "./edge.ts";

/** The edge to publish to. */
export interface EdgeAccess {
  readonly url: string;
  readonly key: string;
  /** Id of the publisher: one with another id waits for the lease of its predecessor to expire. */
  readonly publisher: string;
  /** Folder for media that the edge has not stored yet; null for an edge that outlives this process. */
  readonly journalFolder: string | null;
  /** Signs a token of the stream; null for an edge whose secret is not known here. */
  readonly signToken: ((bearer: TokenBearer) => Promise<string>) | null;
  /** Its URLs for other machines, the likeliest first; none if only this machine reaches it, or if it runs elsewhere. */
  readonly networkUrls: readonly string[];
  /** Whether browsers of this machine get tokens from it. */
  readonly issuesTokens: boolean;
  stop(): Promise<void>;
}

/** Where a local edge listens and stores. */
export interface LocalEdgePlace {
  readonly port: number;
  /** IPv4 address to listen on. */
  readonly host: string;
  /** Null: the default folder. */
  readonly dataDir: string | null;
}

const KEY_REQUEST_MS = 10_000;
/** The maximum lifetime of a token. */
const TOKEN_S = 86_400;
/** Whom a token signs in. */
export type TokenBearer = Pick<TokenSpec, "role" | "subject" | "name" | "isFollower">;

/** Whom the printed links sign in: a viewer who follows the host and has no other right, and the host. */
export const LINK_BEARERS: Readonly<Record<"viewer" | "host", TokenBearer>> = {
  viewer: { role: "viewer", subject: "viewer", name: "Viewer", isFollower: true },
  host: { role: "host", subject: "host", name: "Host" },
};

/**
 * Starts an edge, publishes the rest of an earlier run, and creates a key for `stream`. Throws `UsageError`
 * if the port or the folder cannot be used.
 */
export async function startLocalEdge(
  stream: StreamName,
  place: LocalEdgePlace,
  log: OriginLog,
  platform: Platform,
): Promise<EdgeAccess> {
  const { edge, data } = await openEdge(place, log, platform);
  try {
    const signToken = (bearer: TokenBearer): Promise<string> =>
      signViewerToken({ ...bearer, stream, expiresS: TOKEN_S }, edge.secret("viewer"), platform.clock.nowMs());
    const key = await createKey(edge.url, stream, edge.secret("admin"), platform.clock);
    const publisher = edge.secret("publisher");
    const journalFolder = join(data, UNSENT, stream);
    return {
      ...{ url: edge.url, key, publisher, journalFolder, signToken },
      networkUrls: networkUrls(place.host, place.port),
      issuesTokens: issuesTokens(place.host),
      stop: () => edge.stop(),
    };
  } catch (error) {
    await edge.stop();
    throw error;
  }
}

/** An edge whose senders bring their own keys. */
export interface IngestEdge {
  readonly url: string;
  readonly publisher: string;
  /** Secret for passphrases of keys: the admin token, or an ingest token; null without. */
  readonly token: string | null;
  /** A key to paste into an encoder; null if it is not known here. */
  readonly key: string | null;
  stop(): Promise<void>;
}

/** Where the senders of an edge reach its ingest node. */
export interface IngestNodePlaces {
  readonly addresses: IngestAddresses;
  /** Address of WHIP's signalling for the edge. */
  readonly whipNode: string;
}

/** As `startLocalEdge`, with a key for encoders that stays the same in each run. */
export async function startLocalIngestEdge(
  { stream, port, dataDir }: { readonly stream: StreamName; readonly port: number; readonly dataDir: string | null },
  { addresses, whipNode }: IngestNodePlaces,
  log: OriginLog,
  platform: Platform,
): Promise<IngestEdge> {
  const bindings = { CORRAL_INGEST_ADDRESSES: formatIngestAddresses(addresses), CORRAL_WHIP_NODE: whipNode };
  const { edge } = await openEdge({ port, dataDir, host: LOOPBACK }, log, platform, bindings);
  try {
    const token = edge.secret("admin");
    const key = await findEncoderKey(edge.url, stream, token, platform.clock);
    return { url: edge.url, publisher: edge.secret("publisher"), token, key, stop: () => edge.stop() };
  } catch (error) {
    await edge.stop();
    throw error;
  }
}

/** Folder of media that the edge has not stored yet. */
const UNSENT = "unsent";

/** The data folder of the edge on `port`. */
export function defaultDataFolder(port: number): string {
  return fileURLToPath(new URL(`../../.corral/edge-${port}`, import.meta.url));
}

/** Starts the edge, and publishes the rest of an earlier run. */
async function openEdge(
  { port, host, dataDir }: LocalEdgePlace,
  log: OriginLog,
  platform: Platform,
  bindings: Readonly<Record<string, string>> = {},
): Promise<{ readonly edge: LocalEdge; readonly data: string }> {
  const { clock } = platform;
  const { startEdge, PortError } = await import("./edge.ts");
  const { DataFolderError } = await import("./data-folder.ts");
  const data = dataDir ?? defaultDataFolder(port);
  const keepSignals = suppressNewSignalHandlers();
  const edge = await startEdge({ port, host, dataDir: data, bindings }, platform.clock)
    .catch((cause: unknown) => {
      if (cause instanceof PortError || cause instanceof DataFolderError)
        throw new UsageError(cause.message, { cause });
      throw new PublishError(`The edge failed to start: ${errorMessage(cause)}`, { cause });
    })
    .finally(keepSignals);
  try {
    // This process holds the folder's lock, so no earlier local publisher is alive.
    const publisher = edge.secret("publisher");
    const unsent = join(data, UNSENT);
    for (const name of listFolders(unsent)) {
      const cut = parseStreamName(name);
      if (cut === null) continue;
      const key = await createKey(edge.url, cut, edge.secret("admin"), clock);
      await resendJournals(join(unsent, cut), { edge: edge.url, key, stream: cut, publisher, log, platform });
    }
    return { edge, data };
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

/** The label of the key that is printed for encoders. */
const ENCODER_LABEL = "encoder";

/** The stream's key for encoders: the edge derives the secret again from the id. */
async function findEncoderKey(url: string, stream: StreamName, adminToken: string, clock: Clock): Promise<string> {
  const headers = { authorization: `Bearer ${adminToken}` };
  const address = `${url}/api/streams/${stream}/keys`;
  const answer = await callEdge(address, { method: "GET", headers }, 200, "list of stream keys", clock);
  const known = KeysSchema.parse(answer).keys.find(({ label, state }) => label === ENCODER_LABEL && state === "usable");
  if (known === undefined) {
    const body = JSON.stringify({ label: ENCODER_LABEL });
    const issued = await callEdge(address, { method: "POST", headers, body }, 201, "stream key", clock);
    return z.object({ key: z.string() }).parse(issued).key;
  }
  const passphrase = await findPassphrase({ edge: url, token: adminToken }, { stream, keyId: known.id }, clock);
  if (passphrase === null) throw new PublishError(`The edge does not know its own key ${known.id}.`);
  return `corral_${known.id}_${passphrase}`;
}

/** A key of a stream that a sender at `address` has named. */
export interface NamedKey {
  readonly stream: StreamName;
  readonly keyId: string;
  readonly address?: string;
}

/** The passphrase of a key, or null if it may not publish now. Throws `PublishError` if the edge does not answer so. */
export async function findPassphrase(
  { edge, token }: { readonly edge: string; readonly token: string },
  { stream, keyId, address }: NamedKey,
  clock: Clock,
): Promise<string | null> {
  const deadline = startDeadline(clock, KEY_REQUEST_MS);
  try {
    const response = await request(`${edge}/ingest/${stream}/srt-passphrase`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ keyId, ...(address === undefined ? {} : { address }) }),
      signal: deadline.signal,
    });
    const text = await response.body.text();
    if (response.statusCode === 200) return z.object({ passphrase: z.string() }).parse(JSON.parse(text)).passphrase;
    if (response.statusCode === 404 || response.statusCode === 403) return null;
    throw new PublishError(`The edge answers no passphrase: ${response.statusCode} ${text.slice(0, 200)}`);
  } finally {
    deadline.cancel();
  }
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
