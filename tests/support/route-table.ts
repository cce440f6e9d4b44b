/**
 * Every address of the edge: its methods, and the response to each caller. Tests of the Worker request all of them,
 * and fail for a route of `app.ts` without a row.
 *
 * To add a route, add a row under its pattern in `app.ts`. Its path has `{stream}` and `{broadcast}`; each method
 * has a policy (`forEverybody`, `forOperator`, …; add another if none fits) and its request. `spends: true` if the
 * method changes what other rows see: it then gets its own stream.
 */
import { makeTestConfig } from "../../core/broadcast/testing.ts";
import { PART_HEADER, PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import { SDP_FRAGMENT_MEDIA_TYPE, SDP_MEDIA_TYPE } from "../../core/ingest/whip/whip-api.ts";
import type { BroadcastId } from "../../core/kit/ids.ts";
import type { TrackFile } from "../../core/media/hls/media-path.ts";
import type { PlaylistFile } from "../../core/media/hls/paths.ts";
import { testChunkBundle, testPartBytes, testPartMeta } from "./publisher.ts";

/** Callers: without credentials, with a device key, with a viewer token (valid, banned, revoked, of staff), with a stream key, with the admin token. */
export const CALLERS = [
  "nobody",
  "anonymous",
  "viewer",
  "banned",
  "revoked",
  "moderator",
  "host",
  "publisher",
  "operator",
] as const;
export type Caller = (typeof CALLERS)[number];

/** The response to each caller: the status, followed by a problem's name. */
export type CallerAnswers = Readonly<Record<Caller, string>>;
/** The responses to callers at a public stream, and at a token stream. */
export interface RoutePolicy {
  readonly public: CallerAnswers;
  readonly gated: CallerAnswers;
}

/** One method of an address. */
export interface RouteMethod {
  readonly policy: RoutePolicy;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One address of a pattern. `HEAD` and `OPTIONS` are implied. */
export interface RouteAddress {
  readonly path: string;
  readonly methods: Readonly<Partial<Record<"GET" | "PUT" | "POST" | "PATCH" | "DELETE", RouteMethod>>>;
  readonly changesStream?: boolean;
  /** No such address: 404 by any method except `OPTIONS`. */
  readonly isUnknown?: boolean;
}

const answerAll = (answer: string): CallerAnswers =>
  Object.fromEntries(CALLERS.map((caller) => [caller, answer])) as Record<Caller, string>;
const alikeEverywhere = (answers: CallerAnswers): RoutePolicy => ({ public: answers, gated: answers });
const forEverybody = (done = "200"): RoutePolicy => alikeEverywhere(answerAll(done));
const secret = (name: string, done: string, owner: Caller): RoutePolicy =>
  alikeEverywhere({
    ...answerAll(`403 ${name}-wrong`),
    nobody: `401 ${name}-missing`,
    anonymous: `401 ${name}-missing`,
    [owner]: done,
  });
const forOperator = (done = "200"): RoutePolicy => secret("admin-token", done, "operator");
const forMetrics: RoutePolicy = secret("metrics-token", "200", "operator");
/** A host acts like the operator, but for stops after the operator has acted: the table's operator comes last. */
const forHosts = (undone: string, done = "200"): RoutePolicy => {
  const { public: answers } = forOperator(done);
  return alikeEverywhere({ ...answers, host: undone });
};
/** A viewer's token has the shape of a publish token, and is none. */
const forPublisher = (done = "200"): RoutePolicy => {
  const { public: answers } = secret("key", done, "publisher");
  const viewers = ["viewer", "banned", "revoked", "moderator", "host"] as const;
  const refused = Object.fromEntries(viewers.map((caller) => [caller, "403 publish-token-wrong"]));
  return alikeEverywhere({ ...answers, ...refused });
};
const testHeartbeat = {
  ...{ instance: "process-1", sequence: 1, freePlaces: 1, isDraining: false, takesPortable: false },
  ...{ jobs: [], guests: [] },
};
const forIngestNode = (done = "200"): RoutePolicy => secret("ingest-token", done, "operator");

/** At a token stream, admitted and refused callers. */
const gated = (done: string): CallerAnswers => ({
  ...answerAll(done),
  nobody: "401 token-missing",
  anonymous: "401 token-missing",
  banned: "403 token-revoked",
  revoked: "403 token-revoked",
  publisher: "401 token-malformed",
  operator: "401 token-malformed",
});
/** Tokens are ignored at public streams. */
const forViewers = (done = "200"): RoutePolicy => ({ public: answerAll(done), gated: gated(done) });

/** A presented token is checked in the room of a public stream too. */
const forCounted = (done = "200"): RoutePolicy => ({
  public: {
    ...answerAll(done),
    banned: "403 token-revoked",
    revoked: "403 token-revoked",
    publisher: "401 token-malformed",
    operator: "401 token-malformed",
  },
  gated: gated(done),
});
/** Every token of this room gets a ticket; the socket decides admission. */
const forTicket: RoutePolicy = alikeEverywhere({
  ...answerAll("200"),
  publisher: "401 token-malformed",
  operator: "401 token-malformed",
});
/** Sockets: the result after `101`. */
const forSockets: RoutePolicy = {
  public: {
    ...answerAll("101 welcome"),
    banned: "101 closed 4403",
    revoked: "101 closed 4401",
    publisher: "101 closed 4401",
    operator: "101 closed 4401",
  },
  gated: {
    ...answerAll("101 closed 4401"),
    banned: "101 closed 4403",
    viewer: "101 welcome",
    moderator: "101 welcome",
    host: "101 welcome",
  },
};

const media = (file: string): RouteAddress => ({
  path: `/live/{stream}/{broadcast}/video/${file}`,
  methods: { GET: { policy: forViewers() } },
});

/** Files of a track by kind: a new kind of playlist or file does not compile without its row. */
const PLAYLISTS: Readonly<Record<PlaylistFile, RouteAddress>> = {
  "media.m3u8": media("media.m3u8"),
  "iframes.m3u8": media("iframes.m3u8"),
  "vod.m3u8": { ...media("vod.m3u8"), methods: { GET: { policy: forViewers("404 not-found") } } },
  "vod-iframes.m3u8": { ...media("vod-iframes.m3u8"), methods: { GET: { policy: forViewers("404 not-found") } } },
};
const FILES: Readonly<Record<TrackFile["kind"], readonly RouteAddress[]>> = {
  playlist: Object.values(PLAYLISTS),
  init: [media("init-1.mp4")],
  segment: [media("0.m4s")],
  part: [media("2.1.m4s")],
};

/** Delivery, which bypasses the router. */
export const LIVE_ADDRESSES: readonly RouteAddress[] = [
  { path: "/live/{stream}/multivariant.m3u8", methods: { GET: { policy: forViewers() } } },
  { path: "/live/{stream}/{broadcast}/multivariant.m3u8", methods: { GET: { policy: forViewers() } } },
  { path: "/live/{stream}/{broadcast}/flow.mp4", methods: { GET: { policy: forViewers() } } },
  ...Object.values(FILES).flat(),
];

/** OBS's request, without a usable key. */
const OBS_BODY = JSON.stringify({
  authentication: "",
  client: {},
  preferences: { width: 1280, height: 720, framerate: { numerator: 30, denominator: 1 } },
});

const control = (path: string, methods: RouteAddress["methods"], spends = false): readonly RouteAddress[] => [
  { path: `/api/streams/{stream}${path}`, methods, changesStream: spends },
];
const ingest = (rest: string, asking: Omit<RouteMethod, "policy">): RouteAddress => ({
  path: `/ingest/{stream}/{broadcast}${rest}`,
  methods: {
    PUT: { policy: forPublisher(), ...asking, headers: { [PUBLISHER_HEADER]: "{publisher}", ...asking.headers } },
  },
  changesStream: true,
});
/** The key is part of the body, and a refusal is an answer. */
const obs = (path: string): RouteAddress => ({
  path,
  methods: { POST: { policy: forEverybody(), body: OBS_BODY } },
});
/** The edge of these tests has no ingest node. */
const whip = (contentType: string): RouteMethod => ({
  policy: forPublisher("501 no-ingest-node"),
  headers: { "content-type": contentType },
  body: "v=0",
});
const page = (path: string): RouteAddress => ({ path, methods: { GET: { policy: forEverybody() } } });
const missing = (path: string): RouteAddress => ({
  path,
  methods: { GET: { policy: forEverybody("404 not-found") } },
  isUnknown: true,
});

/** The request body of a local token. */
const DEV_TOKEN_BODY = JSON.stringify({ room: "demo", sub: "ann" });
const NEXT_PART_INDEX = 14;

/** The routes of the Worker's applications. */
export const ROUTES: Readonly<Record<string, readonly RouteAddress[]>> = {
  "/api/streams/:stream": control("", { GET: { policy: forEverybody() } }),
  "/api/streams/:stream/broadcasts": control("/broadcasts", { GET: { policy: forEverybody() } }),
  "/api/streams/:stream/keys": control(
    "/keys",
    {
      GET: { policy: forHosts("200") },
      POST: { policy: forHosts("201", "201") },
      DELETE: { policy: forHosts("204", "204") },
    },
    true,
  ),
  "/api/streams/:stream/keys/:key": control("/keys/0123456789", {
    DELETE: { policy: forHosts("404 not-found", "404 not-found") },
  }),
  "/api/streams/:stream/keys/:key/rotate": control("/keys/0123456789/rotate", {
    POST: { policy: forHosts("404 not-found", "404 not-found") },
  }),
  "/api/streams/:stream/details": control("/details", {
    GET: { policy: forEverybody() },
    PUT: { policy: forHosts("200"), body: '{"title":"A title"}' },
  }),
  "/api/streams/:stream/images/:image": control("/images/poster", {
    GET: { policy: forEverybody() },
    PUT: { policy: forHosts("200"), body: new Uint8Array([0xff, 0xd8, 0xff, 0xe0]) },
    DELETE: { policy: forHosts("200") },
  }),
  "/api/directory": [{ path: "/api/directory", methods: { GET: { policy: forEverybody() } } }],
  "/api/oembed": [
    {
      path: `/api/oembed?url=${encodeURIComponent("http://edge.test/watch/")}{stream}`,
      methods: { GET: { policy: forEverybody() } },
    },
  ],
  "/api/streams/:stream/ingest": control("/ingest", { GET: { policy: forHosts("200") } }),
  "/api/streams/:stream/health": control("/health", { GET: { policy: forHosts("200") } }),
  "/api/streams/:stream/health/history": control("/health/history", { GET: { policy: forHosts("200") } }),
  "/api/streams/:stream/quality": control("/quality", { GET: { policy: forHosts("200") } }),
  "/api/streams/:stream/cmcd": control("/cmcd", {
    POST: { policy: forEverybody("204"), body: 'cid="another",e=t,sid="session-1",sn=0,ts=1,v=2' },
  }),
  "/api/streams/:stream/restart": control("/restart", { POST: { policy: forOperator("204") } }, true),
  "/api/streams/:stream/access": control(
    "/access",
    { GET: { policy: forOperator() }, PUT: { policy: forOperator(), body: '{"playback":"followers"}' } },
    true,
  ),
  "/api/streams/:stream/revocations": control(
    "/revocations",
    { POST: { policy: forOperator(), body: '{"subject":"ann","version":1}' } },
    true,
  ),
  "/api/streams/:stream/stop": control(
    "/stop",
    {
      GET: { policy: forHosts("200") },
      POST: { policy: forHosts("200"), body: '{"category":"other","reason":"Not today."}' },
      DELETE: { policy: forHosts("409 stopped-by-operator") },
    },
    true,
  ),
  "/api/streams/:stream/crowd": control("/crowd", { PUT: { policy: forOperator(), body: '{"viewers":0}' } }, true),
  "/api/streams/:stream/jurisdiction": control("/jurisdiction", {
    PUT: { policy: forOperator("501 no-jurisdictions"), body: '{"jurisdiction":"eu"}' },
  }),
  "/api/subjects/:id": [{ path: "/api/subjects/nobody-in-a-room", methods: { DELETE: { policy: forOperator() } } }],
  "/api/subjects/:id/export": [
    { path: "/api/subjects/nobody-in-a-room/export", methods: { GET: { policy: forOperator() } } },
  ],
  "/api/obs/GetClientConfiguration": [obs("/api/obs/GetClientConfiguration")],
  "/api/obs/:stream/GetClientConfiguration": [obs("/api/obs/{stream}/GetClientConfiguration")],
  "/rooms/:stream/socket": [
    { path: "/rooms/{stream}/socket", methods: { GET: { policy: forEverybody("400 websocket-expected") } } },
  ],
  "/rooms/:stream/ticket": [{ path: "/rooms/{stream}/ticket", methods: { POST: { policy: forTicket } } }],
  "/rooms/:stream/beacon": [{ path: "/rooms/{stream}/beacon", methods: { POST: { policy: forCounted() } } }],
  "/rooms/:stream/replay": [
    { path: "/rooms/{stream}/replay?from=1700000000000", methods: { GET: { policy: forViewers() } } },
  ],
  "/api/dispatch": [{ path: "/api/dispatch", methods: { GET: { policy: forIngestNode() } } }],
  "/api/dispatch/nodes/:node": [
    {
      path: "/api/dispatch/nodes/node-1",
      methods: {
        PUT: { policy: forIngestNode(), body: JSON.stringify(testHeartbeat) },
        DELETE: { policy: forIngestNode("204"), body: '{"instance":"process-1"}' },
      },
    },
  ],
  "/ingest/:stream/session": [{ path: "/ingest/{stream}/session", methods: { POST: { policy: forPublisher() } } }],
  "/ingest/:stream/srt-passphrase": [
    {
      path: "/ingest/{stream}/srt-passphrase",
      methods: { POST: { policy: forIngestNode("404 not-found"), body: '{"keyId":"0123456789"}' } },
    },
  ],
  "/ingest/:stream/health": [
    {
      path: "/ingest/{stream}/health",
      methods: {
        PUT: {
          policy: forPublisher("204"),
          headers: { [PUBLISHER_HEADER]: "{publisher}" },
          body: '{"state":"good","atMs":1,"checks":[]}',
        },
      },
    },
  ],
  "/ingest/:stream/:broadcast": [ingest("", { body: "{config}" })],
  "/ingest/:stream/:broadcast/handover": [ingest("/handover", {})],
  "/ingest/:stream/:broadcast/end": [ingest("/end", {})],
  "/ingest/:stream/:broadcast/chunks": [ingest("/chunks", { body: testChunkBundle(0) })],
  "/ingest/:stream/:broadcast/:track/:file": [
    ingest("/video/init-1.mp4", { body: new Uint8Array(8).fill(1) }),
    ingest("/video/2.2.m4s", {
      body: testPartBytes(NEXT_PART_INDEX),
      headers: { [PART_HEADER]: JSON.stringify(testPartMeta(NEXT_PART_INDEX)) },
    }),
  ],
  "/whip/:stream": [{ path: "/whip/{stream}", methods: { POST: whip(SDP_MEDIA_TYPE) } }],
  "/whip/:stream/:session": [
    {
      path: `/whip/{stream}/${"0".repeat(32)}`,
      methods: { PATCH: whip(SDP_FRAGMENT_MEDIA_TYPE), DELETE: { policy: forPublisher("501 no-ingest-node") } },
    },
  ],
  "/metrics": [{ path: "/metrics?stream={stream}", methods: { GET: { policy: forMetrics } } }],
  "/dev/token": [{ path: "/dev/token", methods: { POST: { policy: forEverybody(), body: DEV_TOKEN_BODY } } }],
  "/openapi.json": [page("/openapi.json")],
  "/api/*": [missing("/api/nope")],
  "/rooms/*": [missing("/rooms/nope")],
  "/ingest/*": [missing("/ingest/nope")],
  "/whip/*": [missing("/whip")],
  // The edge of these tests has no sign-in of its own.
  "/sign-in/*": [missing("/sign-in/watch/{stream}"), missing("/sign-in/callback")],
  "/*": [
    page("/"),
    page("/watch/{stream}"),
    page("/embed/{stream}"),
    page("/studio/{stream}"),
    page("/studio"),
    page("/golive/{stream}"),
    page("/watch"),
    page("/problems/not-found"),
    page("/favicon.svg"),
    page("/player.js"),
    page("/third-party-notices.txt"),
  ],
};

/** The opening request of the room's socket. */
export const SOCKET_ROUTE: { readonly path: string; readonly policy: RoutePolicy } = {
  path: "/rooms/{stream}/socket",
  policy: forSockets,
};

/** Every address of the table. */
export const ALL_ADDRESSES: readonly RouteAddress[] = [...Object.values(ROUTES).flat(), ...LIVE_ADDRESSES];

/** The location of a test's stream. */
export interface TestStream {
  readonly stream: string;
  readonly broadcast: string;
  /** The publishing process's id. */
  readonly publisher: string;
}

/** An address's path at a stream. */
export const pathAt = ({ path }: RouteAddress, { stream, broadcast }: TestStream): string =>
  path.replace("{stream}", stream).replace("{broadcast}", broadcast);

/** A method's request at a stream. */
export function requestInitFor(
  { body, headers = {} }: Partial<RouteMethod> = {},
  { broadcast, publisher }: TestStream,
): RequestInit {
  const config = (): string => JSON.stringify(makeTestConfig({ broadcast: broadcast as BroadcastId }));
  const filled = Object.entries(headers).map(([name, value]) => [name, value.replace("{publisher}", publisher)]);
  return { body: body === "{config}" ? config() : (body ?? null), headers: Object.fromEntries(filled) };
}

/** The value of `Allow`. */
export const allowHeaderOf = ({ methods }: RouteAddress): string =>
  [...Object.keys(methods).flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])), "OPTIONS"].join(", ");
