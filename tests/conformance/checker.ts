/** Runs the conformance check: follows a broadcast for a while, then checks each rule against the observations. */

import type { Clock } from "../../core/kit/clock.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { CheckerClient, HttpTransport, negotiateTls, type Transport } from "./client.ts";
import { readFragmentFacts } from "./media-facts.ts";
import type { Exchange, Observation, PlaylistProbe, RuleResult, TrackLog } from "./model.ts";
import { blockingTimeoutMs, createFollower, type PlaylistFollower } from "./playlist-follower.ts";
import { type MultivariantPlaylist, readMultivariantPlaylist } from "./playlist-reader.ts";
import { probeIframes, probeTrack } from "./probes.ts";
import { ALL_RULES } from "./rules/all.ts";

/** Options of a run. */
export interface ConformanceOptions {
  /** By default HTTP and the system's clock. */
  readonly network?: CheckerNetwork;
  /** How long the broadcast is followed; at least a few target durations are needed to see most rules. */
  readonly seconds: number;
  /** The broadcast will end during the run: rules about its end then need evidence. */
  readonly expectEnd?: boolean;
  /** Called once when all probes of the live broadcast are done: it may end. */
  readonly asked?: () => void;
}

/** The clock and the transport of a run. */
export interface CheckerNetwork {
  readonly clock: Clock;
  readonly transport: Transport;
}

/** The URL could not be checked; `message` says why and what to do. */
export class ConformanceError extends Error {
  override readonly name = "ConformanceError";
}

/** Checks the broadcast of a multivariant playlist's URL. Throws `ConformanceError` if there is none. */
export async function runConformance(url: string, opts: ConformanceOptions): Promise<RuleResult[]> {
  return judgeObservation(await observeBroadcast(url, opts));
}

/** Each rule's verdict, in order. */
function judgeObservation(seen: Observation): RuleResult[] {
  return ALL_RULES.map(({ rule, title, check }) => ({ rule, title, ...check(seen) }));
}

/** Follows the broadcast and runs all probes. Throws as `runConformance` does. */
async function observeBroadcast(url: string, opts: ConformanceOptions): Promise<Observation> {
  const { clock, transport } = opts.network ?? { clock: systemPlatform.clock, transport: new HttpTransport() };
  const client = new CheckerClient(clock, transport);
  try {
    const { exchange, multivariant } = await openMultivariant(client, url);
    const urls = mediaUrls(multivariant);
    const media = urls.media.map(({ href, kind }) => createFollower(client, href, kind));
    const iframes = urls.iframes.map((href) => createFollower(client, href, "iframes"));
    const untilMs = client.nowMs() + 1000 * opts.seconds;
    const [probes, tls] = await Promise.all([
      probeAll(client, media, iframes, untilMs).finally(opts.asked),
      negotiateTls(url),
      ...media.map((one) => one.run(untilMs)),
      ...iframes.map((one) => one.run(untilMs)),
    ]);
    await Promise.all(iframes.map((one) => fetchIframe(client, one, media)));
    const ended = media.filter((one) => one.latest()?.endList === true && one.log.reloads.length > 1);
    const atEnd = await Promise.all(ended.map((one) => probeTrack(client, one, untilMs)));
    return {
      url,
      multivariant,
      multivariantExchange: exchange,
      tracks: media.map((one) => one.log),
      iframes: iframes.map((one) => one.log),
      probes: [...probes, ...atEnd.flat()],
      tls,
      expectEnd: opts.expectEnd ?? false,
      seconds: opts.seconds,
    };
  } finally {
    await client.close();
  }
}

async function openMultivariant(
  client: CheckerClient,
  url: string,
): Promise<{ exchange: Exchange; multivariant: MultivariantPlaylist }> {
  if (!URL.canParse(url) || !/^https?:/.test(url)) throw new ConformanceError(`${url} is no http or https URL.`);
  let exchange = await client.get(url, 10_000);
  const location = exchange.headers.location;
  if (exchange.status >= 300 && exchange.status < 400 && location !== undefined) {
    exchange = await client.get(new URL(location, url).href, 10_000);
  }
  if (exchange.failure !== undefined) {
    throw new ConformanceError(`${url} can't be reached (${exchange.failure}). Is the server running there?`);
  }
  if (exchange.status !== 200) {
    throw new ConformanceError(`${url} answered ${exchange.status}. Is the broadcast live, and the path right?`);
  }
  const multivariant = readMultivariantPlaylist(new TextDecoder().decode(exchange.body), exchange.url);
  if (multivariant === null) {
    throw new ConformanceError(`${url} is no multivariant playlist. Give the URL that lists the variants.`);
  }
  return { exchange, multivariant };
}

function mediaUrls(multivariant: MultivariantPlaylist) {
  const media = new Map<string, TrackLog["kind"]>();
  for (const variant of multivariant.variants) {
    const silent = !variant.has("RESOLUTION") && /^(mp4a|ac-3|ec-3|opus|flac)/i.test(variant.get("CODECS") ?? "");
    const href = variant.get("@URL");
    if (href !== undefined) media.set(href, silent ? "audio" : "video");
  }
  for (const rendition of multivariant.renditions) {
    const href = rendition.get("@URL");
    const type = rendition.get("TYPE");
    if (href !== undefined && (type === "AUDIO" || type === "VIDEO"))
      media.set(href, type === "AUDIO" ? "audio" : "video");
  }
  const iframes = new Set(multivariant.iframes.flatMap((one) => one.get("@URL") ?? []));
  return { media: [...media].map(([href, kind]) => ({ href, kind })), iframes: [...iframes] };
}

async function probeAll(
  client: CheckerClient,
  media: PlaylistFollower[],
  iframes: PlaylistFollower[],
  untilMs: number,
): Promise<PlaylistProbe[]> {
  // One playlist of each kind is probed, so that probes do not disturb the measurements.
  const asked = ["video", "audio"].flatMap((kind) => media.find((one) => one.log.kind === kind) ?? []);
  const about = await Promise.all(asked.map((one) => probeTrack(client, one, untilMs)));
  const [pictures] = iframes;
  return [...about.flat(), ...(pictures === undefined ? [] : await probeIframes(client, pictures))];
}

/** Fetches the newest picture of an I-frame playlist by its byte range. */
async function fetchIframe(
  client: CheckerClient,
  of: PlaylistFollower,
  media: readonly PlaylistFollower[],
): Promise<void> {
  const playlist = of.latest();
  const picture = playlist?.segments.findLast((segment) => !segment.gap && segment.uri !== null);
  if (playlist == null || picture?.uri == null) return;
  const uri = new URL(picture.uri, of.log.url).href;
  const { byterange } = picture;
  const last = byterange === null ? 0 : byterange.offset + byterange.length - 1;
  const headers = byterange === null ? {} : { range: `bytes=${byterange.offset}-${last}` };
  const exchange = await client.get(uri, blockingTimeoutMs(playlist.targetDuration), headers as Record<string, string>);
  const map = picture.map === null ? "" : new URL(picture.map, of.log.url).href;
  const init = of.log.inits.get(map) ?? media.flatMap((one) => one.log.inits.get(map) ?? []).at(0);
  const fragment = init === undefined ? null : readFragmentFacts(exchange.body, init);
  const byteLength = exchange.body.byteLength;
  const short = { ...exchange, body: exchange.body.subarray(0, 16).slice() };
  const fetched = {
    uri,
    kind: "iframe" as const,
    hinted: false,
    msn: picture.msn,
    byteLength,
    fragment,
    exchange: short,
  };
  of.log.media.set("iframe", fetched);
}
