/** What a stream is to the people who see it: title, host, description, tags, links, images, announced broadcasts. */
import type { PlaybackPolicy } from "../access/access-policy.ts";
import type { StreamStop } from "../access/stream-stop.ts";

/** A link that the host shows. */
export interface StreamLink {
  readonly label: string;
  /** `http:` or `https:`, as the URL standard writes it. */
  readonly url: string;
}

/** An announced broadcast. */
export interface ScheduledBroadcast {
  /** ISO 8601, in UTC. */
  readonly startsAt: string;
  /** Empty: the stream's title. */
  readonly title: string;
}

/** The details that a host writes. Texts are plain, and have the bounds of `DETAILS_LIMITS`. */
export interface StreamDetails {
  readonly title: string;
  /** The host's name. */
  readonly host: string;
  /** Plain text; lines end with `\n`. */
  readonly description: string;
  readonly tags: readonly string[];
  /** The language of the broadcast and of these texts: a BCP 47 tag, or null. */
  readonly language: string | null;
  readonly links: readonly StreamLink[];
  /** By time. */
  readonly schedule: readonly ScheduledBroadcast[];
  /** Whether the directory lists the stream; null: where everybody may watch it. */
  readonly isListed: boolean | null;
  /** Origins whose pages may show the player in a frame; null: all of them where everybody may watch, else none. */
  readonly embedOrigins: readonly string[] | null;
}

/** The images of a stream. */
export const STREAM_IMAGES = ["poster", "avatar"] as const;

/** The name of an image. */
export type StreamImageName = (typeof STREAM_IMAGES)[number];

/** Versions of the uploaded images; null where none is. */
export type StreamImages = Readonly<Record<StreamImageName, string | null>>;

/** Details and images. */
export interface StreamProfile {
  readonly details: StreamDetails;
  readonly images: StreamImages;
}

/** A profile as the gateway gets it. With a stop in force, nobody is shown what the host wrote or uploaded. */
export interface PublicProfile {
  readonly profile: StreamProfile;
  readonly stop: StreamStop | null;
  readonly playback: PlaybackPolicy;
}

/** The profile of a stream of which nothing was set. */
export const EMPTY_PROFILE: StreamProfile = {
  details: {
    title: "",
    host: "",
    description: "",
    tags: [],
    language: null,
    links: [],
    schedule: [],
    isListed: null,
    embedOrigins: null,
  },
  images: { poster: null, avatar: null },
};

/** The image named in a path, or null. */
export function parseImageName(text: string): StreamImageName | null {
  return STREAM_IMAGES.find((name) => name === text) ?? null;
}

/** The path of an image. With a version its bytes never change. */
export function imagePath(stream: string, image: StreamImageName, { images }: Pick<StreamProfile, "images">): string {
  const version = images[image];
  return `/api/streams/${stream}/images/${image}${version === null ? "" : `?v=${version}`}`;
}

/** What the stream is called: its title, else its host's name, else its own. */
export function streamTitle(stream: string, { title, host }: Pick<StreamDetails, "title" | "host">): string {
  return title || host || stream;
}

/** An announced broadcast is shown as next until this long after its time: hosts are late. */
const LATE_START_MS = 3_600_000;

/** The next announced broadcast, or null. */
export function nextScheduled({ schedule }: Pick<StreamDetails, "schedule">, nowMs: number): ScheduledBroadcast | null {
  return schedule.find(({ startsAt }) => Date.parse(startsAt) > nowMs - LATE_START_MS) ?? null;
}

/** The address of a link as the URL standard writes it, or null: only `http:` and `https:`, and without a password. */
export function parseLinkUrl(text: string): string | null {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return null;
  const { href, username, password, hostname } = new URL(text);
  return username === "" && password === "" && hostname !== "" ? href : null;
}

/** The canonical form of a BCP 47 tag, or null. */
export function parseLanguageTag(text: string): string | null {
  try {
    return Intl.getCanonicalLocales(text)[0] ?? null;
  } catch {
    return null;
  }
}
