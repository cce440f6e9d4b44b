/**
 * The configuration of a deployment: all variables and secrets, parsed once by one schema. An absent or empty variable has
 * its default; any other value that does not fit is an error.
 */
import * as z from "zod/mini";
import type { ViewerTokenKeys } from "../access/signed-jwt.ts";
import { DEFAULT_JOIN_RATES, type JoinRates } from "../delivery/join-admission.ts";
import { FLOW_LIMITS } from "../delivery/node-limits.ts";
import type { Site } from "../delivery/tree/node-address.ts";
import { ROOM_LIMITS } from "../room/room-limits.ts";
import type { HistoryRetention } from "../room/sequencer/retention.ts";
import { DEFAULT_SHARDING, type ShardingConfig } from "../room/sharding.ts";
import {
  parseAddresses,
  parseFallback,
  parseGuests,
  parseKeySet,
  parseOrigins,
  parseReviewerUrl,
  parseSite,
  parseWhipNode,
} from "./config-values.ts";
import {
  docsOf,
  integerVariable,
  positiveVariable,
  secretVariable,
  textVariable,
  type VariableDocs,
  variable,
} from "./config-variables.ts";
import { type IngestAddresses, NO_INGEST_ADDRESSES } from "./ingest-addresses.ts";
import { renderMarkdownTable } from "./markdown-table.ts";
import { parseSignIn, SIGN_IN_VARIABLES, type SignInConfig } from "./sign-in-config.ts";

/** Settings of an external reviewer of messages; see `docs/design/moderation.md`. */
export interface ReviewConfig {
  /** Null: the service binding `REVIEWER` is used, if any. */
  readonly url: string | null;
  readonly token: string | null;
  readonly timeoutMs: number;
  /** The handling of a message that could not be reviewed: held for a moderator, or judged by the term lists alone. */
  readonly fallback: "hold" | "allow";
}

/** A deployment's configuration. A secret that is not set is null. */
export interface Config {
  /** Opens the control API. */
  readonly adminToken: string | null;
  /** Opens the metrics; without it the admin token does. */
  readonly metricsToken: string | null;
  /** Opens what ingest nodes ask for; the admin token does, too. */
  readonly ingestToken: string | null;
  /** Where encoders send to; and the ingest node that takes WHIP, without a final slash, or null. */
  readonly ingestAddresses: IngestAddresses;
  readonly whipNode: string | null;
  readonly viewerKeys: ViewerTokenKeys;
  /** Signs what only the edge itself verifies: the first of the edge's secret, the viewers' and the admin token. */
  readonly edgeSecret: string | null;
  /** Null: `POST /dev/token` does not exist. `boundName`: another host name of the edge, or empty. */
  readonly devTokens: { readonly boundName: string } | null;
  /** Origins besides the edge's own whose pages may open rooms. */
  readonly pageOrigins: readonly string[];
  /** Whether viewers without an account may chat under a name that they choose. */
  readonly allowsGuests: boolean;
  /** The edge's own sign-in; null without one. */
  readonly signIn: SignInConfig | null;
  readonly history: HistoryRetention;
  readonly sharding: ShardingConfig;
  /** Null: the platform provides the isolate's location. */
  readonly site: Site | null;
  readonly joinRates: JoinRates;
  /** Least time between two writes to a viewer by flow, ms. */
  readonly flowUnitMs: number;
  readonly review: ReviewConfig;
}

/** All variables and secrets, in the order of the documentation. */
export const VARIABLE_NAMES = [
  "CORRAL_ADMIN_TOKEN",
  "CORRAL_METRICS_TOKEN",
  "CORRAL_INGEST_TOKEN",
  "CORRAL_INGEST_ADDRESSES",
  "CORRAL_WHIP_NODE",
  "CORRAL_VIEWER_SECRET",
  "CORRAL_VIEWER_JWKS",
  "CORRAL_EDGE_SECRET",
  "CORRAL_DEV_TOKENS",
  "CORRAL_ORIGINS",
  "CORRAL_GUESTS",
  "CORRAL_SIGN_IN_ORIGIN",
  "CORRAL_OIDC_ISSUER",
  "CORRAL_OIDC_CLIENT_ID",
  "CORRAL_OIDC_CLIENT_SECRET",
  "CORRAL_OIDC_SCOPES",
  "CORRAL_OIDC_NAME_CLAIM",
  "CORRAL_OIDC_OPENS",
  "CORRAL_MAIL_FROM",
  "CORRAL_MAILS_PER_HOUR",
  "CORRAL_HOSTS",
  "CORRAL_ROOM_KEEP_HOURS",
  "CORRAL_ROOM_KEEP_EVENTS",
  "CORRAL_ROOM_SHARD_FILL",
  "CORRAL_ROOM_FAN_OUT",
  "CORRAL_ROOM_SOCKETS_PER_ADDRESS",
  "CORRAL_SITE",
  "CORRAL_JOINS_PER_SECOND",
  "CORRAL_JOIN_SPREAD_S",
  "CORRAL_FLOW_UNIT_MS",
  "CORRAL_REVIEWER_URL",
  "CORRAL_REVIEWER_TOKEN",
  "CORRAL_REVIEW_MS",
  "CORRAL_REVIEW_FALLBACK",
] as const;

/** The name of a variable or secret. */
export type VariableName = (typeof VARIABLE_NAMES)[number];

const HOUR_MS = 3_600_000;
const MAX_SHARDING_COUNT = 10_000;
/** Upper bounds: media is worthless after an hour, and no isolate admits more viewers per second. */
const MAX_JOINS_PER_SECOND = 1_000_000;
const MAX_JOIN_SPREAD_S = 3_600;

const { maxRetentionHours, maxRetentionEvents, retentionMs, retentionEvents } = ROOM_LIMITS;

const variables = {
  CORRAL_ADMIN_TOKEN: secretVariable("Opens the control API. Without it no stream keys can be created."),
  CORRAL_METRICS_TOKEN: secretVariable("Opens `/metrics`. Without it the admin token does."),
  CORRAL_INGEST_TOKEN: secretVariable("Lets ingest nodes look up the passphrases of SRT. The admin token does, too."),
  CORRAL_INGEST_ADDRESSES: textVariable<IngestAddresses>(
    "Addresses of ingest nodes, with spaces between them, as `rtmp://`, `rtmps://` and `srt://` with host and port: what the studio and OBS's multitrack video tell creators.",
    NO_INGEST_ADDRESSES,
    parseAddresses,
  ),
  CORRAL_WHIP_NODE: textVariable<string | null>(
    "Address of the ingest node to which the edge passes WHIP on, like `https://ingest.example.com`; with CORRAL_INGEST_TOKEN it is told the senders' addresses. Without it WHIP is answered with 501.",
    null,
    parseWhipNode,
  ),
  CORRAL_VIEWER_SECRET: secretVariable("Verifies viewer tokens and publish tokens that are signed with HS256."),
  CORRAL_VIEWER_JWKS: variable<string | null>(
    {
      isSecret: true,
      byDefault: "",
      meaning:
        "Public keys, a JWKS in JSON, that verify viewer tokens and publish tokens signed with ES256 by their `kid`.",
    },
    null,
    parseKeySet,
  ),
  CORRAL_EDGE_SECRET: secretVariable(
    "Signs device keys and tickets, derives stream keys, and names networks. Without it the viewer secret does, else the admin token.",
  ),
  CORRAL_DEV_TOKENS: textVariable<Config["devTokens"]>(
    "Local runs only: `1`, or another host name of the edge besides localhost. `POST /dev/token` then issues any viewer token to this machine.",
    null,
    (name) => ({ boundName: name === "1" ? "" : name }),
  ),
  CORRAL_ORIGINS: textVariable<readonly string[]>(
    "Origins, with spaces between them, whose pages may open rooms, besides the edge's own.",
    [],
    parseOrigins,
  ),
  CORRAL_GUESTS: variable<boolean>(
    {
      isSecret: false,
      byDefault: "allow",
      meaning:
        "`allow`: viewers without an account chat under a name that they choose, unless a room forbids it. `off`: they read.",
    },
    true,
    parseGuests,
  ),
  ...SIGN_IN_VARIABLES,
  CORRAL_ROOM_KEEP_HOURS: integerVariable(
    "Hours that a room keeps its history.",
    [1, maxRetentionHours],
    retentionMs / HOUR_MS,
  ),
  CORRAL_ROOM_KEEP_EVENTS: integerVariable(
    "Maximum number of events in a room's history.",
    [1, maxRetentionEvents],
    retentionEvents,
  ),
  CORRAL_ROOM_SHARD_FILL: integerVariable(
    "Target number of sockets per shard of a room.",
    [1, MAX_SHARDING_COUNT],
    DEFAULT_SHARDING.shardFill,
  ),
  CORRAL_ROOM_FAN_OUT: integerVariable(
    "Maximum number of children per object of a room.",
    [1, MAX_SHARDING_COUNT],
    DEFAULT_SHARDING.fanOut,
  ),
  CORRAL_ROOM_SOCKETS_PER_ADDRESS: integerVariable(
    "Maximum number of sockets per network in a shard of a room.",
    [1, MAX_SHARDING_COUNT],
    DEFAULT_SHARDING.socketsPerAddress,
  ),
  CORRAL_SITE: textVariable<Site | null>(
    "Region and data centre like `weur/FRA`, where the platform does not provide them.",
    null,
    parseSite,
  ),
  CORRAL_JOINS_PER_SECOND: positiveVariable(
    "New viewers per second that one isolate admits to a stream; bursts of twice as many.",
    MAX_JOINS_PER_SECOND,
    DEFAULT_JOIN_RATES.joinsPerSecond,
  ),
  CORRAL_JOIN_SPREAD_S: positiveVariable(
    "Seconds over which the retries of deferred viewers are spread.",
    MAX_JOIN_SPREAD_S,
    DEFAULT_JOIN_RATES.spreadS,
  ),
  CORRAL_FLOW_UNIT_MS: integerVariable(
    "Least milliseconds between two writes to a viewer by flow. An isolate chooses up to 75 by its audience; more saves CPU and adds as much delay.",
    [0, FLOW_LIMITS.longestUnitMs],
    0,
  ),
  CORRAL_REVIEWER_URL: textVariable<string | null>(
    "Address of an external reviewer of messages, where the service binding `REVIEWER` is not set.",
    null,
    parseReviewerUrl,
  ),
  CORRAL_REVIEWER_TOKEN: variable<string | null>(
    { isSecret: true, byDefault: "", meaning: "Sent to the reviewer as a bearer token." },
    null,
    (token) => token,
  ),
  CORRAL_REVIEW_MS: integerVariable(
    "Maximum milliseconds that a message waits for its review.",
    [1, ROOM_LIMITS.maxReviewTimeoutMs],
    ROOM_LIMITS.reviewTimeoutMs,
  ),
  CORRAL_REVIEW_FALLBACK: variable<ReviewConfig["fallback"]>(
    {
      isSecret: false,
      byDefault: "allow",
      meaning:
        "`hold`: a message that could not be reviewed waits for a moderator. `allow`: the term lists alone decide.",
    },
    "allow",
    parseFallback,
  ),
} as const satisfies Readonly<Record<VariableName, z.ZodMiniType>>;

const schema = z.object(variables);

/** Variables and secrets as a deployment sets them. */
export type ConfigVariables = { readonly [Name in VariableName]?: string };

/** The documentation of a variable. */
export function variableDocs(name: VariableName): VariableDocs {
  const known = docsOf(variables[name]);
  if (known === undefined) throw new RangeError(`${name} has no documentation`);
  return known;
}

/** Variables that do not fit the schema. `message` names each, and no values. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Parses the configuration. Throws `ConfigError`. */
export function parseConfig(values: ConfigVariables): Config {
  const parsed = schema.safeParse(values);
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map(({ path, message }) => `${path.map(String).join(".")} ${message}.`).join(" "),
    );
  }
  const set = parsed.data;
  const joinsPerSecond = set.CORRAL_JOINS_PER_SECOND;
  return {
    adminToken: set.CORRAL_ADMIN_TOKEN,
    metricsToken: set.CORRAL_METRICS_TOKEN,
    ingestToken: set.CORRAL_INGEST_TOKEN,
    ingestAddresses: set.CORRAL_INGEST_ADDRESSES,
    whipNode: set.CORRAL_WHIP_NODE,
    viewerKeys: { secret: set.CORRAL_VIEWER_SECRET, keySet: set.CORRAL_VIEWER_JWKS },
    edgeSecret: set.CORRAL_EDGE_SECRET ?? set.CORRAL_VIEWER_SECRET ?? set.CORRAL_ADMIN_TOKEN,
    devTokens: set.CORRAL_DEV_TOKENS,
    pageOrigins: set.CORRAL_ORIGINS,
    allowsGuests: set.CORRAL_GUESTS,
    signIn: parseSignIn(set, set.CORRAL_VIEWER_SECRET),
    history: { maxAgeMs: HOUR_MS * set.CORRAL_ROOM_KEEP_HOURS, maxEvents: set.CORRAL_ROOM_KEEP_EVENTS },
    sharding: {
      shardFill: set.CORRAL_ROOM_SHARD_FILL,
      fanOut: set.CORRAL_ROOM_FAN_OUT,
      socketsPerAddress: set.CORRAL_ROOM_SOCKETS_PER_ADDRESS,
    },
    site: set.CORRAL_SITE,
    joinRates: { joinsPerSecond, burst: Math.max(1, 2 * joinsPerSecond), spreadS: set.CORRAL_JOIN_SPREAD_S },
    flowUnitMs: set.CORRAL_FLOW_UNIT_MS,
    review: {
      url: set.CORRAL_REVIEWER_URL,
      token: set.CORRAL_REVIEWER_TOKEN,
      timeoutMs: set.CORRAL_REVIEW_MS,
      fallback: set.CORRAL_REVIEW_FALLBACK,
    },
  };
}

const parsedConfigs = new WeakMap<object, Config | ConfigError>();
/** One of them is used by every request. */
let latest: { readonly env: object; readonly config: Config } | null = null;

/** The configuration of an environment, valid or not: parsed when it is asked for first. Throws `ConfigError`. */
export function getConfig(env: ConfigVariables): Config {
  if (latest?.env === env) return latest.config;
  const config = parsedConfigs.get(env) ?? tryParseConfig(env);
  parsedConfigs.set(env, config);
  if (config instanceof ConfigError) throw config;
  latest = { env, config };
  return config;
}

function tryParseConfig(env: ConfigVariables): Config | ConfigError {
  try {
    return parseConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

/** `docs/configuration.md`. */
export function renderConfigDocs(): string {
  const rows = VARIABLE_NAMES.map((name) => {
    const { isSecret, byDefault, meaning } = variableDocs(name);
    return [`\`${name}\``, isSecret ? "secret" : "variable", byDefault === "" ? "" : `\`${byDefault}\``, meaning];
  });
  return [
    "# Configuration",
    "",
    "Variables stand under `[vars]` in `wrangler.toml`; secrets are set with `npx wrangler secret put NAME`. An edge whose",
    "configuration is invalid answers every request with 503 `misconfigured` and logs the names of what is wrong; a local edge",
    "does not start. `core/api/config.ts` is the source of this file.",
    "",
    ...renderMarkdownTable(["name", "kind", "default", "meaning"], rows),
    "",
  ].join("\n");
}
