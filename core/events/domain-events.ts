/**
 * Domain events: notifications of one domain to the others of a stream. The stream's Live object and its room are the
 * sources; each has an outbox, so the events of one source arrive in order and at least once; consumers skip known ids.
 */
import { PLAYBACK_POLICIES, type PlaybackPolicy } from "../access/access-policy.ts";
import { STOP_CATEGORIES, type StopAuthority, type StopCategory } from "../access/stream-stop.ts";
import { asJsonObject, type JsonObject, readInteger } from "../kit/json-fields.ts";
import { INGEST_END_REASONS, INGEST_EVENT_LIMITS, type IngestEventBody } from "./ingest-events.ts";

/** Why a broadcast ended: by its publisher, by the publisher's absence, or by another broadcast. */
export type EndReason = "publisher" | "abandoned" | "replaced";

const END_REASONS: readonly EndReason[] = ["publisher", "abandoned", "replaced"];
const STOP_AUTHORITIES: readonly StopAuthority[] = ["operator", "host"];

/** Events of a Live object. */
export type LiveEventBody =
  | { readonly kind: "broadcast-started"; readonly broadcast: string }
  /** The publisher is silent, or sends gaps only. */
  | { readonly kind: "broadcast-reconnecting"; readonly broadcast: string }
  | { readonly kind: "broadcast-resumed"; readonly broadcast: string }
  | { readonly kind: "broadcast-ended"; readonly broadcast: string; readonly reason: EndReason }
  | { readonly kind: "playback-policy-changed"; readonly playback: PlaybackPolicy }
  /** The issuer revoked a subject's tokens below a version; 0 undoes that. */
  | { readonly kind: "token-revoked"; readonly subject: string; readonly version: number }
  | {
      readonly kind: "stream-stopped";
      readonly category: StopCategory;
      readonly authority: StopAuthority;
      readonly untilMs: number | null;
    }
  | { readonly kind: "stream-restored" }
  /** Title, images or schedule of the stream are others. */
  | { readonly kind: "details-changed" }
  /** Another encoder has taken the broadcast over. */
  | { readonly kind: "ingest-backup"; readonly broadcast: string }
  | IngestEventBody;

/** Events of a room. */
export type RoomEventBody =
  | { readonly kind: "subject-banned"; readonly subject: string; readonly actor: string }
  | { readonly kind: "subject-unbanned"; readonly subject: string; readonly actor: string }
  /** A new peak of concurrent viewers of this stream. */
  | { readonly kind: "viewer-peak"; readonly viewers: number };

/** Any domain event's body. */
export type DomainEventBody = LiveEventBody | RoomEventBody;

/** The source and time of an event. */
export interface DomainEventHeader {
  /** Unique; a consumer recognizes a repeated event by it. */
  readonly id: string;
  readonly stream: string;
  /** Wall time, ms since the epoch. */
  readonly atMs: number;
  /** The program time, ms since the epoch (EXT-X-PROGRAM-DATE-TIME); null before the first part. */
  readonly programTimeMs: number | null;
}

/** A domain event. */
export type DomainEvent<Body extends DomainEventBody = DomainEventBody> = DomainEventHeader & Body;

/** Limits of a received event, in UTF-16 units; one that exceeds them is refused. */
const DOMAIN_EVENT_LIMITS = {
  /** Ids, names of streams and of broadcasts. */
  idUnits: 256,
  /** Subjects, as long as in tokens. */
  subjectUnits: 4_096,
} as const;

type Kind = DomainEventBody["kind"];
type BodyOf<K extends Kind> = Omit<Extract<DomainEventBody, { kind: K }>, "kind">;

const readId = (value: unknown): string | null => readString(value, DOMAIN_EVENT_LIMITS.idUnits);
const readSubject = (value: unknown): string | null => readString(value, DOMAIN_EVENT_LIMITS.subjectUnits);
const readTime = (value: unknown): number | null => readInteger(value, 0);

/** Names are compared, never displayed: they are not normalised. */
function readString(value: unknown, maxUnits: number): string | null {
  return typeof value === "string" && value.length <= maxUnits ? value : null;
}

function readOneOf<T extends string>(value: unknown, allowed: readonly T[]): T | null {
  return allowed.find((each) => each === value) ?? null;
}

const readBroadcast = ({ broadcast }: JsonObject): { broadcast: string } | null => {
  const id = readId(broadcast);
  return id === null ? null : { broadcast: id };
};

const readBan = (value: JsonObject): { subject: string; actor: string } | null => {
  const [subject, actor] = [readSubject(value["subject"]), readSubject(value["actor"])];
  return subject === null || actor === null ? null : { subject, actor };
};

const readName = (value: unknown): string | null => readString(value, INGEST_EVENT_LIMITS.nameChars);

const readProtocol = (value: JsonObject): { protocol: string } | null => {
  const protocol = readName(value["protocol"]);
  return protocol === null ? null : { protocol };
};

/** One schema per kind. */
const BODY_SCHEMAS: { readonly [K in Kind]: (value: JsonObject) => BodyOf<K> | null } = {
  "broadcast-started": readBroadcast,
  "broadcast-reconnecting": readBroadcast,
  "broadcast-resumed": readBroadcast,
  "broadcast-ended": (value) => {
    const [named, reason] = [readBroadcast(value), readOneOf(value["reason"], END_REASONS)];
    return named === null || reason === null ? null : { ...named, reason };
  },
  "playback-policy-changed": (value) => {
    const playback = readOneOf(value["playback"], PLAYBACK_POLICIES);
    return playback === null ? null : { playback };
  },
  "token-revoked": (value) => {
    const [subject, version] = [readSubject(value["subject"]), readTime(value["version"])];
    return subject === null || version === null ? null : { subject, version };
  },
  "stream-stopped": (value) => {
    const category = readOneOf(value["category"], STOP_CATEGORIES);
    const authority = readOneOf(value["authority"], STOP_AUTHORITIES);
    const untilMs = value["untilMs"] === null ? null : readTime(value["untilMs"]);
    if (category === null || authority === null || (untilMs === null && value["untilMs"] !== null)) return null;
    return { category, authority, untilMs };
  },
  "stream-restored": () => ({}),
  "details-changed": () => ({}),
  "ingest-backup": readBroadcast,
  "ingest-connected": readProtocol,
  "ingest-resumed": readProtocol,
  "ingest-refused": (value) => {
    const reason = readString(value["reason"], INGEST_EVENT_LIMITS.reasonChars);
    return reason === null ? null : { reason };
  },
  "ingest-disconnected": (value) => {
    const reason = readOneOf(value["reason"], INGEST_END_REASONS);
    return reason === null ? null : { reason };
  },
  "health-raised": (value) => {
    const [check, severity] = [readName(value["check"]), readName(value["severity"])];
    return check === null || severity === null ? null : { check, severity };
  },
  "health-cleared": (value) => {
    const check = readName(value["check"]);
    return check === null ? null : { check };
  },
  "subject-banned": readBan,
  "subject-unbanned": readBan,
  "viewer-peak": (value) => {
    const viewers = readInteger(value["viewers"], 0);
    return viewers === null ? null : { viewers };
  },
};

/** The event in a value, without unknown fields; null if it is invalid. */
export function parseDomainEvent(value: unknown): DomainEvent | null {
  const fields = asJsonObject(value);
  if (fields === null) return null;
  const { kind, programTimeMs } = fields;
  if (typeof kind !== "string" || !Object.hasOwn(BODY_SCHEMAS, kind)) return null;
  const [id, stream, atMs] = [readId(fields["id"]), readId(fields["stream"]), readTime(fields["atMs"])];
  const body = BODY_SCHEMAS[kind as Kind](fields);
  if (id === null || id === "" || stream === null || atMs === null || body === null) return null;
  if (programTimeMs !== null && readTime(programTimeMs) === null) return null;
  return { id, stream, atMs, programTimeMs, kind, ...body } as DomainEvent;
}
