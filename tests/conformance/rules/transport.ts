/** Rules 60–74: transport, caches and the multivariant playlist's declarations. */
import {
  type Observation,
  type PlaylistProbe,
  type RuleVerdict,
  ruleBroken,
  ruleHeld,
  ruleNotApplicable,
  ruleNotChecked,
  verdictFromFaults,
} from "../model.ts";
import { segmentSeconds } from "../playlist-reader.ts";
import {
  allSnapshots,
  type ConformanceRule,
  describeExchange,
  fetchedMedia,
  formatMs,
  hasParts,
  largestPartTarget,
  largestTargetDuration,
  mediaSnapshots,
  observedSegments,
  probesNamed,
  quantile,
  trackLabel,
} from "./observation.ts";

/** Minimum cache lifetime of media: immutable objects can be kept for hours. */
const LONG_S = 3600;

const maxAge = (headers: Readonly<Record<string, string>>): number | null => {
  const text = headers["cache-control"] ?? "";
  if (/no-store|no-cache|private/.test(text)) return 0;
  const found = /(?:^|[\s,])max-age=(\d+)/.exec(text);
  return found === null ? null : Number(found[1]);
};

const everyExchange = (seen: Observation) => [
  ...allSnapshots(seen).map(({ reload }) => reload.exchange),
  ...[...seen.tracks, ...seen.iframes].flatMap((track) => [...track.media.values()].map((one) => one.exchange)),
];

/** Cached longer than `most` seconds, or for another time than `exactly`; null if correct. */
function lifetimeFault(
  what: string,
  headers: Readonly<Record<string, string>>,
  fits: (age: number) => boolean,
  want: string,
) {
  const age = maxAge(headers);
  return age !== null && fits(age) ? null : `${what}: ${headers["cache-control"] ?? "no Cache-Control"}, not ${want}`;
}

function playlistLifetimes(seen: Observation): (string | null)[] {
  const target = largestTargetDuration(seen);
  const half = (age: number): boolean => age === Math.floor(target / 2) || age === Math.ceil(target / 2);
  const live = mediaSnapshots(seen).filter(({ playlist }) => !playlist.endList);
  const blocking = live.filter(({ reload }) => reload.directives.msn !== undefined);
  const plain = [
    ...live.filter(({ reload }) => reload.directives.msn === undefined).map(({ reload }) => reload.exchange),
  ];
  const of = (name: PlaylistProbe["name"]) => probesNamed(seen, name).filter(({ exchange }) => exchange.status === 404);
  return [
    ...blocking.map(({ reload }) =>
      lifetimeFault("blocking 200", reload.exchange.headers, (age) => age === 6 * target, `${6 * target} s`),
    ),
    ...plain.map(({ headers }) => lifetimeFault("plain 200", headers, half, `${target / 2} s`)),
    ...of("missing-playlist").map(({ exchange }) =>
      lifetimeFault("plain 404", exchange.headers, (age) => age === target, `${target} s`),
    ),
    ...of("missing-playlist-blocking").map(({ exchange }) =>
      lifetimeFault("blocking 404", exchange.headers, (age) => age === 4 * target, `${4 * target} s`),
    ),
    ...seen.probes
      .filter(({ exchange }) => exchange.status === 400 || exchange.status === 503)
      .map(({ exchange }) => lifetimeFault(`${exchange.status}`, exchange.headers, (age) => age === 0, "uncached")),
  ];
}

function checkLifetimes(seen: Observation): RuleVerdict {
  const target = largestTargetDuration(seen);
  const media = fetchedMedia(seen, "part", "segment", "init").filter((one) => one.exchange.status === 200);
  const errors = probesNamed(seen, "unknown-media", "future-part").filter(({ exchange }) => exchange.status >= 400);
  const judged = [
    ...playlistLifetimes(seen),
    ...media.map(({ kind, exchange: { headers } }) => {
      const fault = lifetimeFault(`${kind} 200`, headers, (age) => age >= LONG_S, "long");
      if (fault !== null) return fault;
      return headers["cache-control"]?.includes("immutable")
        ? null
        : `${kind} 200: ${headers["cache-control"]}, not immutable`;
    }),
    ...errors.map(({ exchange }) =>
      lifetimeFault(`media ${exchange.status}`, exchange.headers, (age) => age <= target, `${target} s at most`),
    ),
  ];
  const faults = [...new Set(judged.flatMap((one) => one ?? []))];
  return verdictFromFaults(faults, judged.length, "answers with the right lifetime");
}

function checkGzip(seen: Observation): RuleVerdict {
  const all = [{ name: "multivariant", exchange: seen.multivariantExchange }].concat(
    allSnapshots(seen).map(({ name, reload }) => ({ name, exchange: reload.exchange })),
  );
  const faults = all.flatMap(({ name, exchange }) =>
    exchange.headers["content-encoding"] === "gzip" ? [] : [`${name}: sent plain though gzip was accepted`],
  );
  return verdictFromFaults(faults, all.length, "playlists gzipped");
}

/** Whether a response's `Cache-Status` (RFC 9211) reports an upstream request that was not shared. */
function ledUpstream(status: string): boolean {
  const caches = status.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/);
  return !caches.some((cache) => /;\s*(hit|collapsed)(?![\w=-]|=\?0)/.test(cache));
}

function checkCoalescing(seen: Observation): RuleVerdict {
  const herd = probesNamed(seen, "herd-playlist", "herd-media").filter(({ exchange }) => exchange.status === 200);
  if (herd.length === 0) return ruleNotChecked("no herd of identical requests was answered");
  const blind = herd.find(({ exchange }) => exchange.headers["cache-status"] === undefined);
  if (blind !== undefined) return ruleNotChecked("no Cache-Status header, so it can't be seen from outside");
  const groups = Map.groupBy(herd, ({ exchange }) => exchange.url);
  const faults = [...groups].flatMap(([url, group]) => {
    const leaders = group.filter(({ exchange }) => ledUpstream(exchange.headers["cache-status"] ?? "")).length;
    return leaders <= 1 ? [] : [`${url}: ${leaders} of ${group.length} identical requests went upstream`];
  });
  return verdictFromFaults(
    faults,
    groups.size,
    `herds of identical requests, ${herd.length} in all, led by one at most`,
  );
}

function checkAge(seen: Observation): RuleVerdict {
  const good = everyExchange(seen).filter(({ status }) => status === 200 || status === 206);
  const faults = good.flatMap(({ url, headers }) => (headers.age === undefined ? [`${url}: no Age`] : []));
  return verdictFromFaults(faults, good.length, "answers with Age");
}

function checkIdempotent(seen: Observation): RuleVerdict {
  const [one, two] = probesNamed(seen, "repeat");
  if (one?.playlist == null || two?.playlist == null) return ruleNotChecked("no two answers to compare");
  const same = one.playlist.text === two.playlist.text;
  const older = two.playlist.mediaSequence < one.playlist.mediaSequence;
  if (same) return ruleHeld("the same request twice, the same answer");
  // The playlist may have grown between the two.
  return older ? ruleBroken("the same request twice went back") : ruleHeld("the same request twice, the second grown");
}

function checkBandwidth(seen: Observation): RuleVerdict {
  const need = ["CODECS", "AVERAGE-BANDWIDTH", "BANDWIDTH"];
  const faults = seen.multivariant.variants.flatMap((variant) => {
    const pictured = !/^(mp4a|ac-3|ec-3|opus|flac)/i.test(variant.get("CODECS") ?? "");
    const missing = [...need, ...(pictured ? ["RESOLUTION", "FRAME-RATE"] : [])].filter((name) => !variant.has(name));
    return missing.map((name) => `${variant.get("@URL")}: no ${name}`);
  });
  const peakOf = (href: string | undefined): number => {
    const listed = observedSegments(seen).filter((segment) => segment.track.url === href);
    // The peak is over 0.5 to 1.5 target durations: a short last segment alone does not count.
    const own = listed.filter((segment) => segmentSeconds(segment) >= largestTargetDuration(seen) / 2);
    return Math.max(
      0,
      ...own.map((segment) => {
        const length = segment.track.media.get(segment.url)?.byteLength ?? 0;
        return (8 * length) / segmentSeconds(segment);
      }),
    );
  };
  const peaks = seen.multivariant.variants.flatMap((variant) => {
    const group = seen.multivariant.renditions.filter((one) => one.get("GROUP-ID") === variant.get("AUDIO"));
    const audio = Math.max(0, ...group.map((one) => peakOf(one.get("@URL"))));
    const peak = peakOf(variant.get("@URL")) + audio;
    const share = peak / Number(variant.get("BANDWIDTH"));
    if (share > 1.25) faults.push(`${variant.get("@URL")}: a peak of ${(100 * share).toFixed(0)} % of BANDWIDTH`);
    return peak > 0 ? [share] : [];
  });
  if (peaks.length === 0 && faults.length === 0) return ruleNotChecked("no segment fetched");
  return verdictFromFaults(
    faults,
    peaks.length,
    `variants, peaks up to ${(100 * Math.max(0, ...peaks)).toFixed(0)} % of BANDWIDTH`,
  );
}

function checkIframes(seen: Observation): RuleVerdict {
  if (seen.tracks.every((track) => track.kind === "audio")) return ruleNotApplicable("no video");
  if (seen.iframes.length === 0) return ruleBroken("no EXT-X-I-FRAME-STREAM-INF");
  const faults = seen.iframes.flatMap((track) => {
    const playlist = track.reloads.findLast((one) => one.playlist !== null)?.playlist;
    const picture = track.media.get("iframe");
    if (playlist == null) return [`${trackLabel(track)}: ${track.failures[0] ?? "no playlist"}`];
    if (!playlist.iframesOnly) return [`${trackLabel(track)}: no EXT-X-I-FRAMES-ONLY`];
    if (picture === undefined) return [];
    const want = playlist.segments.find((segment) => segment.msn === picture.msn)?.byterange?.length;
    if (want !== undefined && picture.byteLength !== want)
      return [`${trackLabel(track)}: ${picture.byteLength} bytes of ${want}`];
    const { fragment } = picture;
    if (fragment === null)
      return [`${trackLabel(track)}: the range holds no readable fragment (${describeExchange(picture)})`];
    if (!fragment.startsWithSync) return [`${trackLabel(track)}: the range doesn't begin with an independent frame`];
    const whole = fragment.firstSampleEnd <= picture.byteLength;
    return whole
      ? []
      : [`${trackLabel(track)}: the picture ends at byte ${fragment.firstSampleEnd} of ${picture.byteLength}`];
  });
  const read = seen.iframes.filter((track) => track.media.has("iframe")).length;
  return verdictFromFaults(faults, read, "I-frame playlists, each newest picture whole in its range");
}

function checkLastModified(seen: Observation): RuleVerdict {
  const live = mediaSnapshots(seen).filter(({ playlist }) => !playlist.endList);
  const stamped = live.filter(({ reload }) => reload.exchange.headers["last-modified"] !== undefined);
  if (stamped.length === 0) return ruleNotChecked("no Last-Modified header");
  const faults = stamped.flatMap(({ name, playlist, reload: { exchange } }) => {
    const date = Date.parse(exchange.headers.date ?? "");
    const age =
      ((Number.isNaN(date) ? exchange.doneMs : date) - Date.parse(exchange.headers["last-modified"] ?? "")) / 1000;
    return age > 3 * playlist.targetDuration ? [`${name}: ${age.toFixed(0)} s old`] : [];
  });
  return verdictFromFaults(faults, stamped.length, "playlists with a fresh Last-Modified");
}

function checkRoundTrip(seen: Observation): RuleVerdict {
  if (!hasParts(seen)) return ruleNotApplicable("no parts");
  const trips = seen.probes
    .filter(({ name }) => name === "plain" || name === "part-without-msn" || name === "repeat" || name === "skip")
    .map(({ exchange }) => exchange.firstByteMs - exchange.sentMs);
  if (trips.length === 0) return ruleNotChecked("no prompt request was made");
  const [p95, target] = [quantile(trips, 0.95), 1000 * largestPartTarget(seen)];
  const said = `part target ${formatMs(target)}, round trip from here ${formatMs(p95)} at p95`;
  return p95 <= target ? ruleHeld(said) : ruleBroken(said);
}

function checkDeltaForLong(seen: Observation): RuleVerdict {
  const long = mediaSnapshots(seen).filter(
    ({ playlist }) => playlist.segments.reduce((sum, segment) => sum + segmentSeconds(segment), 0) > 120,
  );
  if (long.length === 0) return ruleNotApplicable("no window is over two minutes");
  const without = long.filter(({ playlist }) => !playlist.endList && !playlist.serverControl?.has("CAN-SKIP-UNTIL"));
  return verdictFromFaults(
    without.map(({ name }) => `${name}: long and without delta updates`),
    long.length,
    "long playlists",
  );
}

function checkPriorities(seen: Observation): RuleVerdict {
  const stamped = allSnapshots(seen).filter(({ reload }) => reload.exchange.headers.priority !== undefined);
  if (stamped.length === 0) return ruleNotApplicable("no Priority header");
  const faults = stamped.flatMap(({ name, reload }) =>
    /u=1\b/.test(reload.exchange.headers.priority ?? "") ? [] : [`${name}: ${reload.exchange.headers.priority}`],
  );
  for (const { uri, exchange } of fetchedMedia(seen, "segment", "part")) {
    const urgency = /u=(\d)/.exec(exchange.headers.priority ?? "u=3")?.[1];
    if (Number(urgency ?? 3) < 2 || Number(urgency ?? 3) > 6) faults.push(`${uri}: ${exchange.headers.priority}`);
  }
  return verdictFromFaults(faults, stamped.length, "playlists with urgency 1");
}

const onTls = (seen: Observation, judge: (tls: NonNullable<Observation["tls"]>) => RuleVerdict): RuleVerdict => {
  if (!seen.url.startsWith("https:")) return ruleNotApplicable("plain http here; TLS and HTTP/2 are the public edge's");
  return seen.tls === null ? ruleNotChecked("TLS could not be negotiated") : judge(seen.tls);
};

/** These rules. */
export const TRANSPORT_RULES: readonly ConformanceRule[] = [
  {
    rule: 60,
    title: "HTTP/2 or 3",
    check: (seen) => onTls(seen, ({ alpn }) => (alpn === "h2" ? ruleHeld("ALPN h2") : ruleBroken(`ALPN ${alpn}`))),
  },
  { rule: 61, title: "playlists have urgency 1 and segments 2 to 6", check: checkPriorities },
  {
    rule: 62,
    title: "every server has all variants",
    check: (seen) => {
      const all = [...seen.tracks, ...seen.iframes];
      const faults = all.flatMap((track) =>
        track.reloads.some((one) => one.playlist !== null) ? [] : track.failures.slice(0, 1),
      );
      const hosts = new Set(all.map((track) => new URL(track.url).host)).size;
      return verdictFromFaults(
        faults,
        all.length,
        `media playlists answered by ${hosts} host${hosts === 1 ? "" : "s"}`,
      );
    },
  },
  { rule: 63, title: "playlist requests are idempotent", check: checkIdempotent },
  { rule: 64, title: "playlists are compressed", check: checkGzip },
  { rule: 65, title: "caches coalesce pending requests for playlists and media", check: checkCoalescing },
  { rule: 66, title: "caches set Age", check: checkAge },
  { rule: 67, title: "cache lifetimes", check: checkLifetimes },
  {
    rule: 68,
    title: "TLS 1.3",
    check: (seen) =>
      onTls(seen, ({ protocol }) => (protocol === "TLSv1.3" ? ruleHeld(protocol) : ruleBroken(protocol))),
  },
  { rule: 69, title: "the part target is at least a round trip", check: checkRoundTrip },
  { rule: 70, title: "delta updates where the window is over two minutes", check: checkDeltaForLong },
  {
    rule: 71,
    title: "media is not redirected",
    check: (seen) => {
      const all = everyExchange(seen).filter(({ status }) => status > 0);
      const faults = all.flatMap(({ url, status }) => (status >= 300 && status < 400 ? [`${url}: ${status}`] : []));
      return verdictFromFaults(faults, all.length, "answers, none a redirect");
    },
  },
  {
    rule: 72,
    title: "the variants' attributes are present, and peaks stay under 125 % of BANDWIDTH",
    check: checkBandwidth,
  },
  { rule: 73, title: "I-frame playlists", check: checkIframes },
  { rule: 74, title: "no playlist is late by its Last-Modified", check: checkLastModified },
];
