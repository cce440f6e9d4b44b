/** Probes of a live playlist: requests whose correct responses the rules define. */
import type { CheckerClient } from "./client.ts";
import type { Exchange, PlaylistProbe, ProbeName, ReloadDirectives } from "./model.ts";
import { blockingTimeoutMs, type PlaylistFollower, requestPlaylist } from "./playlist-follower.ts";
import { lastClosedSegment, type MediaPlaylist, nextReloadPosition, readMediaPlaylist } from "./playlist-reader.ts";

/** Concurrent identical requests that show whether caches coalesce them. */
const HERD = 8;
/** Reloads before the first probe. */
const WARM_UP = 3;
/** Attempts of probes with prompt responses: one may meet a busy moment, or a segment's end. */
const ATTEMPTS = 2;

/** Runs all probes of one followed playlist. */
export async function probeTrack(
  client: CheckerClient,
  of: PlaylistFollower,
  untilMs: number,
): Promise<PlaylistProbe[]> {
  const probes: PlaylistProbe[] = [];
  const track = of.log;
  let first = await of.waitFor(() => true, 10_000);
  // The first responses include connections and cold code on both sides: timed probes follow after a few reloads.
  for (let i = 0; i < WARM_UP && first !== null && !first.endList; i++) {
    const before: MediaPlaylist = first;
    first = (await of.waitFor((playlist) => playlist !== before, 10_000)) ?? before;
  }
  if (first === null) return probes;
  const patience = blockingTimeoutMs(first.targetDuration);

  const note = (name: ProbeName, from: MediaPlaylist, asked: ReloadDirectives, exchange: Exchange): void => {
    const playlist = exchange.status === 200 ? readMediaPlaylist(new TextDecoder().decode(exchange.body)) : null;
    probes.push({ name, from, directives: asked, exchange, playlist, track });
  };
  const ask = async (name: ProbeName, from: MediaPlaylist, asked: ReloadDirectives): Promise<void> => {
    note(name, from, asked, (await requestPlaylist(client, track.url, asked, patience)).exchange);
  };
  const fetchUrl = async (name: ProbeName, from: MediaPlaylist, url: string): Promise<void> => {
    note(name, from, {}, await client.get(url, patience));
  };

  if (first.endList) {
    await ask("ended-directives", first, { msn: lastClosedSegment(first) + 50 });
    await ask("ended-skip", first, { skip: "YES" });
    return probes;
  }

  /** Probes that depend on the moment: sent when a segment has just begun. */
  async function askAtSegmentStart(asked: number): Promise<number | null> {
    const young = (playlist: MediaPlaylist): boolean => {
      const last = playlist.segments.at(-1);
      const begun = last?.uri === null && last.parts.length === 1 && playlist.segments.length > 1;
      return begun && last.msn > asked && !playlist.endList;
    };
    const from = await of.waitFor(young, Math.min(patience, untilMs - client.nowMs()));
    if (from === null) return null;
    const closed = lastClosedSegment(from);
    const next = nextReloadPosition(from);
    const parts = from.segments.find((segment) => segment.msn === closed)?.parts.length ?? 0;
    // Twice the Advance Part Limit: beyond it by any way of counting.
    const tooFar = next.part + 2 * Math.ceil(3 / Math.min(1, from.partTarget ?? 1)) + 3;
    await Promise.all([
      ask("past-the-last-part", from, { msn: closed, part: parts }),
      ask("part-too-far", from, { msn: next.msn, part: tooFar }),
      ...(asked === -1 ? [ask("whole-segment", from, { msn: closed + 1 }), askHerd(of, from, ask, fetchUrl)] : []),
    ]);
    return next.msn;
  }

  async function askAtSegmentStarts(): Promise<void> {
    let asked: number | null = -1;
    for (let i = 0; i < ATTEMPTS && asked !== null; i++) asked = await askAtSegmentStart(asked);
  }

  async function askAnyTime(from: MediaPlaylist): Promise<void> {
    const far = lastClosedSegment(from) + 5;
    await ask("plain", from, {});
    for (let i = 0; i < ATTEMPTS; i++) {
      await ask("part-without-msn", from, { part: 0 });
      await ask("msn-too-far", from, { msn: far });
      if (from.mediaSequence > 0) await ask("slid-out", from, { msn: from.mediaSequence - 1 });
    }
    await ask("skip", from, { skip: "YES" });
    await ask("skip-v2", from, { skip: "v2" });
    const known = { msn: lastClosedSegment(from) };
    await Promise.all([ask("repeat", from, known), ask("repeat", from, known)]);
    await fetchUrl("unknown-media", from, new URL("conformance-no-such-part.m4s", track.url).href);
    const future = futurePart(from, track.url);
    if (future !== null) await fetchUrl("future-part", from, future);
    const missing = missingPlaylist(track.url);
    await fetchUrl("missing-playlist", from, missing);
    await fetchUrl("missing-playlist-blocking", from, `${missing}?_HLS_msn=${lastClosedSegment(from)}`);
    const gone = beforeWindow(from, track.url);
    if (gone !== null) await fetchUrl("before-window", from, gone);
  }

  await Promise.all([askAtSegmentStarts(), askAnyTime(first)]);
  return probes;
}

type AskQuestion = (name: ProbeName, from: MediaPlaylist, asked: ReloadDirectives) => Promise<void>;
type FetchUrl = (name: ProbeName, from: MediaPlaylist, url: string) => Promise<void>;

async function askHerd(of: PlaylistFollower, from: MediaPlaylist, ask: AskQuestion, fetchUrl: FetchUrl): Promise<void> {
  const next = nextReloadPosition(from);
  const asked = from.partTarget === null ? { msn: next.msn } : { msn: next.msn, part: next.part + 1 };
  const hint = from.hints.find((one) => one.get("TYPE") === "PART")?.get("URI");
  const herd = Array.from({ length: HERD }, () => ask("herd-playlist", from, asked));
  if (hint !== undefined) {
    const url = new URL(hint, of.log.url).href;
    herd.push(...Array.from({ length: HERD }, () => fetchUrl("herd-media", from, url)));
  }
  await Promise.all(herd);
}

/** Sends a blocking request to an I-frame playlist, and one for its pictures. */
export async function probeIframes(client: CheckerClient, of: PlaylistFollower): Promise<PlaylistProbe[]> {
  const from = of.latest();
  if (from === null || from.endList) return [];
  const asked = { msn: lastClosedSegment(from) + 1 };
  const { exchange, playlist } = await requestPlaylist(
    client,
    of.log.url,
    asked,
    blockingTimeoutMs(from.targetDuration),
  );
  return [{ name: "iframes-blocking", from, directives: asked, exchange, playlist, track: of.log }];
}

/** The URL of a part far in the future, if part names end in numbers. */
function futurePart(from: MediaPlaylist, base: string): string | null {
  const uri = from.segments.flatMap((segment) => segment.parts).at(-1)?.uri;
  if (uri === undefined) return null;
  const at = uri.lastIndexOf("/") + 1;
  const name = uri.slice(at);
  const changed = name.replace(/\d+(?=\D*$)/, (digits) => String(Number(digits) + 1000));
  // Extensions such as `m4s` and `mp4` contain a digit.
  const stem = name.replace(
    /(\d+)(\.[a-z]\w*(?:\?.*)?)$/i,
    (_, digits: string, rest: string) => `${Number(digits) + 1000}${rest}`,
  );
  const next = stem !== name ? stem : changed;
  return next === name ? null : new URL(uri.slice(0, at) + next, base).href;
}

/** The playlist of a rendition that does not exist, next to one that does. */
function missingPlaylist(url: string): string {
  const address = new URL(url);
  address.search = "";
  const steps = address.pathname.split("/");
  const at = steps.length > 3 ? steps.length - 2 : steps.length - 1;
  steps[at] = at === steps.length - 2 ? `${steps[at]}-missing` : `missing-${steps[at]}`;
  address.pathname = steps.join("/");
  return address.href;
}

/** The last removed segment, if every listed name follows from its number. */
function beforeWindow(from: MediaPlaylist, base: string): string | null {
  const [one, two] = from.segments.filter((segment) => segment.uri !== null);
  if (from.mediaSequence === 0 || one?.uri == null || two?.uri == null) return null;
  const shift = (uri: string, by: number): string =>
    uri.replace(/\d+(?=\D*\.\w+$)/, (digits) => String(Number(digits) + by));
  return shift(one.uri, 1) === two.uri ? new URL(shift(one.uri, -1), base).href : null;
}
