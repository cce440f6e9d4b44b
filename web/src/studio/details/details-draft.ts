/** A stream's details as the studio's form holds them: texts, and times of this place. */
import type { StreamDetails } from "../../../../core/directory/stream-details.ts";

/** An image of the stream. */
export interface ShownImage {
  readonly path: string;
  readonly isGenerated: boolean;
}

/** A row of the schedule; `localTime` as in `<input type="datetime-local">`. */
export interface ScheduleRow {
  readonly localTime: string;
  readonly title: string;
}

/** The content of the form. */
export interface DetailsDraft extends Pick<StreamDetails, "title" | "host" | "description" | "links"> {
  /** Separated by commas. */
  readonly tags: string;
  /** Empty if it is not said. */
  readonly language: string;
  readonly schedule: readonly ScheduleRow[];
  readonly listed: "policy" | "always" | "never";
  /** Where the player may be embedded: by the playback policy, or on the pages of `embedOrigins` only. */
  readonly embeds: "policy" | "listed";
  /** One a line. */
  readonly embedOrigins: string;
}

/** The edge's answer. */
export interface StoredDetails {
  readonly draft: DetailsDraft;
  readonly poster: ShownImage;
  readonly avatar: ShownImage;
}

/** The details in an answer of the API, or null if it is none. */
export function parseStoredDetails(body: unknown): StoredDetails | null {
  if (!isRecord(body)) return null;
  const [poster, avatar] = [parseImage(body["poster"]), parseImage(body["avatar"])];
  if (poster === null || avatar === null) return null;
  const { tags, links, schedule, isListed, embedOrigins } = body;
  const draft: DetailsDraft = {
    title: textOf(body["title"]),
    host: textOf(body["host"]),
    description: textOf(body["description"]),
    tags: arrayOf(tags).map(textOf).join(", "),
    language: textOf(body["language"]),
    links: recordsOf(links).map(({ label, url }) => ({ label: textOf(label), url: textOf(url) })),
    schedule: recordsOf(schedule).map(({ startsAt, title }) => ({
      localTime: toLocalTime(textOf(startsAt)),
      title: textOf(title),
    })),
    listed: isListed === true ? "always" : isListed === false ? "never" : "policy",
    embeds: Array.isArray(embedOrigins) ? "listed" : "policy",
    embedOrigins: arrayOf(embedOrigins).map(textOf).join("\n"),
  };
  return { draft, poster, avatar };
}

/** The request of a form. Rows without an address, or without a time, are left out. */
export function toDetailsRequest(draft: DetailsDraft): StreamDetails {
  return {
    title: draft.title,
    host: draft.host,
    description: draft.description.replaceAll("\r\n", "\n"),
    tags: draft.tags
      .split(",")
      .map((tag) => tag.trim())
      .filter((tag) => tag !== ""),
    language: draft.language.trim() || null,
    links: draft.links.filter(({ url }) => url.trim() !== ""),
    schedule: draft.schedule
      .filter(({ localTime }) => !Number.isNaN(Date.parse(localTime)))
      .map(({ localTime, title }) => ({ startsAt: new Date(localTime).toISOString(), title })),
    isListed: draft.listed === "policy" ? null : draft.listed === "always",
    embedOrigins:
      draft.embeds === "policy" ? null : draft.embedOrigins.split(/[\s,]+/).filter((origin) => origin !== ""),
  };
}

/** `2026-12-01T19:00`, in this place's time zone. */
function toLocalTime(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  const local = new Date(at.getTime() - 60_000 * at.getTimezoneOffset());
  return local.toISOString().slice(0, 16);
}

function parseImage(value: unknown): ShownImage | null {
  if (!isRecord(value) || typeof value["path"] !== "string") return null;
  return { path: value["path"], isGenerated: value["isGenerated"] === true };
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const arrayOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const recordsOf = (value: unknown): readonly Record<string, unknown>[] => arrayOf(value).filter(isRecord);
