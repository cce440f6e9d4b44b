/** Rules 60–74: transport, caches and what the multivariant playlist promises. */
import {
  broken,
  held,
  notApplicable,
  notChecked,
  type Observation,
  type Probe,
  type Verdict,
  verdict,
} from "../model.ts";
import { segmentSeconds } from "../playlist-reader.ts";
import {
  allSnapshots,
  fetched,
  hasParts,
  largestPartTarget,
  listedSegments,
  ms,
  nameOf,
  outcome,
  probes,
  quantile,
  type Rule,
  snapshots,
  targetDuration,
} from "./seen.ts";

/** Media is cached for at least this long: what is immutable can be kept for hours. */
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

/** Cached longer than `most` seconds, or for another time than `exactly`; null where it is right. */
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
  const target = targetDuration(seen);
  const half = (age: number): boolean => age === Math.floor(target / 2) || age === Math.ceil(target / 2);
  const live = snapshots(seen).filter(({ playlist }) => !playlist.endList);
  const blocking = live.filter(({ reload }) => reload.asked.msn !== undefined);
  const plain = [...live.filter(({ reload }) => reload.asked.msn === undefined).map(({ reload }) => reload.exchange)];
  const of = (name: Probe["name"]) => probes(seen, name).filter(({ exchange }) => exchange.status === 404);
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

function checkLifetimes(seen: Observation): Verdict {
  const target = targetDuration(seen);
  const media = fetched(seen, "part", "segment", "init").filter((one) => one.exchange.status === 200);
  const errors = probes(seen, "unknown-media", "future-part").filter(({ exchange }) => exchange.status >= 400);
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
  return verdict(faults, judged.length, "answers with the right lifetime");
}

function checkGzip(seen: Observation): Verdict {
  const all = [{ name: "multivariant", exchange: seen.multivariantExchange }].concat(
    allSnapshots(seen).map(({ name, reload }) => ({ name, exchange: reload.exchange })),
  );
  const faults = all.flatMap(({ name, exchange }) =>
    exchange.headers["content-encoding"] === "gzip" ? [] : [`${name}: sent plain though gzip was accepted`],
  );
  return verdict(faults, all.length, "playlists gzipped");
}

/** Whether an answer's `Cache-Status` (RFC 9211) owns up to a request further up that no other one shares. */
function ledUpstream(status: string): boolean {
  const caches = status.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/);
  return !caches.some((cache) => /;\s*(hit|collapsed)(?![\w=-]|=\?0)/.test(cache));
}

function checkCoalescing(seen: Observation): Verdict {
  const herd = probes(seen, "herd-playlist", "herd-media").filter(({ exchange }) => exchange.status === 200);
  if (herd.length === 0) return notChecked("no herd of identical requests was answered");
  const blind = herd.find(({ exchange }) => exchange.headers["cache-status"] === undefined);
  if (blind !== undefined) return notChecked("no Cache-Status header, so it can't be seen from outside");
  const groups = Map.groupBy(herd, ({ exchange }) => exchange.url);
  const faults = [...groups].flatMap(([url, group]) => {
    const leaders = group.filter(({ exchange }) => ledUpstream(exchange.headers["cache-status"] ?? "")).length;
    return leaders <= 1 ? [] : [`${url}: ${leaders} of ${group.length} identical requests went upstream`];
  });
  return verdict(faults, groups.size, `herds of identical requests, ${herd.length} in all, led by one at most`);
}

function checkAge(seen: Observation): Verdict {
  const good = everyExchange(seen).filter(({ status }) => status === 200 || status === 206);
  const faults = good.flatMap(({ url, headers }) => (headers.age === undefined ? [`${url}: no Age`] : []));
  return verdict(faults, good.length, "answers with Age");
}

function checkIdempotent(seen: Observation): Verdict {
  const [one, two] = probes(seen, "repeat");
  if (one?.playlist == null || two?.playlist == null) return notChecked("no two answers to compare");
  const same = one.playlist.text === two.playlist.text;
  const older = two.playlist.mediaSequence < one.playlist.mediaSequence;
  if (same) return held("the same request twice, the same answer");
  // The playlist may have grown between the two.
  return older ? broken("the same request twice went back") : held("the same request twice, the second grown");
}

function checkBandwidth(seen: Observation): Verdict {
  const need = ["CODECS", "AVERAGE-BANDWIDTH", "BANDWIDTH"];
  const faults = seen.multivariant.variants.flatMap((variant) => {
    const pictured = !/^(mp4a|ac-3|ec-3|opus|flac)/i.test(variant.get("CODECS") ?? "");
    const missing = [...need, ...(pictured ? ["RESOLUTION", "FRAME-RATE"] : [])].filter((name) => !variant.has(name));
    return missing.map((name) => `${variant.get("@URL")}: no ${name}`);
  });
  const peakOf = (href: string | undefined): number => {
    const listed = listedSegments(seen).filter((segment) => segment.track.url === href);
    // The peak is that of stretches of 0.5 to 1.5 target durations: a short last segment is none by itself.
    const own = listed.filter((segment) => segmentSeconds(segment) >= targetDuration(seen) / 2);
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
  if (peaks.length === 0 && faults.length === 0) return notChecked("no segment fetched");
  return verdict(
    faults,
    peaks.length,
    `variants, peaks up to ${(100 * Math.max(0, ...peaks)).toFixed(0)} % of BANDWIDTH`,
  );
}

function checkIframes(seen: Observation): Verdict {
  if (seen.tracks.every((track) => track.kind === "audio")) return notApplicable("no video");
  if (seen.iframes.length === 0) return broken("no EXT-X-I-FRAME-STREAM-INF");
  const faults = seen.iframes.flatMap((track) => {
    const playlist = track.reloads.findLast((one) => one.playlist !== null)?.playlist;
    const picture = track.media.get("iframe");
    if (playlist == null) return [`${nameOf(track)}: ${track.failures[0] ?? "no playlist"}`];
    if (!playlist.iframesOnly) return [`${nameOf(track)}: no EXT-X-I-FRAMES-ONLY`];
    if (picture === undefined) return [];
    const want = playlist.segments.find((segment) => segment.msn === picture.msn)?.byterange?.length;
    if (want !== undefined && picture.byteLength !== want)
      return [`${nameOf(track)}: ${picture.byteLength} bytes of ${want}`];
    const { fragment } = picture;
    if (fragment === null) return [`${nameOf(track)}: the range holds no readable fragment (${outcome(picture)})`];
    if (!fragment.startsWithSync) return [`${nameOf(track)}: the range doesn't begin with an independent frame`];
    const whole = fragment.firstSampleEnd <= picture.byteLength;
    return whole
      ? []
      : [`${nameOf(track)}: the picture ends at byte ${fragment.firstSampleEnd} of ${picture.byteLength}`];
  });
  const read = seen.iframes.filter((track) => track.media.has("iframe")).length;
  return verdict(faults, read, "I-frame playlists, each newest picture whole in its range");
}

function checkLastModified(seen: Observation): Verdict {
  const live = snapshots(seen).filter(({ playlist }) => !playlist.endList);
  const stamped = live.filter(({ reload }) => reload.exchange.headers["last-modified"] !== undefined);
  if (stamped.length === 0) return notChecked("no Last-Modified header");
  const faults = stamped.flatMap(({ name, playlist, reload: { exchange } }) => {
    const date = Date.parse(exchange.headers.date ?? "");
    const age =
      ((Number.isNaN(date) ? exchange.doneMs : date) - Date.parse(exchange.headers["last-modified"] ?? "")) / 1000;
    return age > 3 * playlist.targetDuration ? [`${name}: ${age.toFixed(0)} s old`] : [];
  });
  return verdict(faults, stamped.length, "playlists with a fresh Last-Modified");
}

function checkRoundTrip(seen: Observation): Verdict {
  if (!hasParts(seen)) return notApplicable("no parts");
  const trips = seen.probes
    .filter(({ name }) => name === "plain" || name === "part-without-msn" || name === "repeat" || name === "skip")
    .map(({ exchange }) => exchange.firstByteMs - exchange.sentMs);
  if (trips.length === 0) return notChecked("no prompt request was made");
  const [p95, target] = [quantile(trips, 0.95), 1000 * largestPartTarget(seen)];
  const said = `part target ${ms(target)}, round trip from here ${ms(p95)} at p95`;
  return p95 <= target ? held(said) : broken(said);
}

function checkDeltaForLong(seen: Observation): Verdict {
  const long = snapshots(seen).filter(
    ({ playlist }) => playlist.segments.reduce((sum, segment) => sum + segmentSeconds(segment), 0) > 120,
  );
  if (long.length === 0) return notApplicable("no window is over two minutes");
  const without = long.filter(({ playlist }) => !playlist.endList && !playlist.serverControl?.has("CAN-SKIP-UNTIL"));
  return verdict(
    without.map(({ name }) => `${name}: long and without delta updates`),
    long.length,
    "long playlists",
  );
}

function checkPriorities(seen: Observation): Verdict {
  const stamped = allSnapshots(seen).filter(({ reload }) => reload.exchange.headers.priority !== undefined);
  if (stamped.length === 0) return notApplicable("no Priority header");
  const faults = stamped.flatMap(({ name, reload }) =>
    /u=1\b/.test(reload.exchange.headers.priority ?? "") ? [] : [`${name}: ${reload.exchange.headers.priority}`],
  );
  for (const { uri, exchange } of fetched(seen, "segment", "part")) {
    const urgency = /u=(\d)/.exec(exchange.headers.priority ?? "u=3")?.[1];
    if (Number(urgency ?? 3) < 2 || Number(urgency ?? 3) > 6) faults.push(`${uri}: ${exchange.headers.priority}`);
  }
  return verdict(faults, stamped.length, "playlists with urgency 1");
}

const onTls = (seen: Observation, judge: (tls: NonNullable<Observation["tls"]>) => Verdict): Verdict => {
  if (!seen.url.startsWith("https:")) return notApplicable("plain http here; TLS and HTTP/2 are the public edge's");
  return seen.tls === null ? notChecked("TLS could not be negotiated") : judge(seen.tls);
};

/** These rules. */
export const TRANSPORT_RULES: readonly Rule[] = [
  {
    rule: 60,
    title: "HTTP/2 or 3",
    check: (seen) => onTls(seen, ({ alpn }) => (alpn === "h2" ? held("ALPN h2") : broken(`ALPN ${alpn}`))),
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
      return verdict(faults, all.length, `media playlists answered by ${hosts} host${hosts === 1 ? "" : "s"}`);
    },
  },
  { rule: 63, title: "playlist requests are idempotent", check: checkIdempotent },
  { rule: 64, title: "playlists are compressed", check: checkGzip },
  { rule: 65, title: "caches coalesce what is pending, playlists and media", check: checkCoalescing },
  { rule: 66, title: "caches set Age", check: checkAge },
  { rule: 67, title: "cache lifetimes", check: checkLifetimes },
  {
    rule: 68,
    title: "TLS 1.3",
    check: (seen) => onTls(seen, ({ protocol }) => (protocol === "TLSv1.3" ? held(protocol) : broken(protocol))),
  },
  { rule: 69, title: "the part target is at least a round trip", check: checkRoundTrip },
  { rule: 70, title: "delta updates where the window is over two minutes", check: checkDeltaForLong },
  {
    rule: 71,
    title: "media is not redirected",
    check: (seen) => {
      const all = everyExchange(seen).filter(({ status }) => status > 0);
      const faults = all.flatMap(({ url, status }) => (status >= 300 && status < 400 ? [`${url}: ${status}`] : []));
      return verdict(faults, all.length, "answers, none a redirect");
    },
  },
  {
    rule: 72,
    title: "the variants' attributes are there, and peaks stay under 125 % of BANDWIDTH",
    check: checkBandwidth,
  },
  { rule: 73, title: "I-frame playlists", check: checkIframes },
  { rule: 74, title: "no playlist is late by its Last-Modified", check: checkLastModified },
];
