/** The directory as the start page reads it. */
import type { DirectoryListing, ListedStream } from "../../../core/directory/directory-card.ts";

/** A stream's card. */
export interface StreamCard extends Pick<ListedStream, "title" | "host" | "viewers" | "atMs"> {
  readonly stream: string;
  /** Addresses of its images. */
  readonly poster: string;
  readonly avatar: string;
}

/** A page of the directory. */
export interface DirectoryPage extends Readonly<Record<keyof DirectoryListing, readonly StreamCard[]>> {
  /** The next page of live streams, or null. */
  readonly next: string | null;
}

const TIMEOUT_MS = 8_000;

/** Requests a page. Rejects if the edge does not answer. */
export async function fetchDirectoryPage(after: string | null): Promise<DirectoryPage> {
  const query = after === null ? "" : `?after=${encodeURIComponent(after)}`;
  const answer = await fetch(`/api/directory${query}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const page = answer.ok ? parseDirectoryPage(await answer.json()) : null;
  if (page === null) throw new Error(`the directory answered ${answer.status}`);
  return page;
}

/** The page in an answer, or null if it is none. */
export function parseDirectoryPage(body: unknown): DirectoryPage | null {
  if (!isRecord(body)) return null;
  const [live, upcoming, replays] = [body["live"], body["upcoming"], body["replays"]].map(parseCards);
  if (live === undefined || upcoming === undefined || replays === undefined) return null;
  return { live, upcoming, replays, next: typeof body["next"] === "string" ? body["next"] : null };
}

function parseCards(value: unknown): readonly StreamCard[] | undefined {
  return Array.isArray(value) ? value.flatMap((each: unknown) => parseCard(each) ?? []) : undefined;
}

function parseCard(value: unknown): StreamCard | null {
  if (!isRecord(value)) return null;
  const { stream, title, host, poster, avatar, viewers, at } = value;
  if (typeof stream !== "string" || typeof poster !== "string" || typeof avatar !== "string") return null;
  return {
    stream,
    title: typeof title === "string" ? title : stream,
    host: typeof host === "string" ? host : "",
    poster,
    avatar,
    viewers: typeof viewers === "number" ? viewers : 0,
    atMs: typeof at === "string" ? Date.parse(at) : Number.NaN,
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
