import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { sleep } from "../../core/kit/clock.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { ConformanceError, runConformance } from "./checker.ts";
import type { FakeFragment, FakeSamples } from "./fake-media.ts";
import { type FakeAnswer, FakeServer, type FakeServerFaults } from "./fake-server.ts";
import type { RuleResult, RuleStatus } from "./model.ts";
import { renderResults } from "./result-table.ts";
import { ALL_RULES } from "./rules/all.ts";

/** Virtual time per step while a run is awaited. */
const STEP_MS = 50;

/** Checks a fake broadcast in virtual time. */
async function check(faults: FakeServerFaults, seconds = 3, expectEnd = false): Promise<RuleResult[]> {
  const clock = new VirtualClock();
  const fake = new FakeServer(clock, faults);
  const asked = (): void => {
    if (expectEnd) fake.end();
  };
  let isOver = false;
  const running = runConformance(fake.url, { seconds, expectEnd, asked, network: { clock, transport: fake } });
  running
    .finally(() => {
      isOver = true;
    })
    .catch(() => {});
  while (!isOver) await clock.advance(STEP_MS);
  return running;
}

const rulesThat = (results: readonly RuleResult[], ...statuses: RuleStatus[]): number[] =>
  results.filter(({ status }) => statuses.includes(status)).map(({ rule }) => rule);

const withHeaders = (answer: FakeAnswer, headers: Record<string, string>): FakeAnswer => ({
  ...answer,
  headers: { ...answer.headers, ...headers },
});

test("each of the 76 rules has one check", () => {
  expect(ALL_RULES.map(({ rule }) => rule)).toEqual(Array.from({ length: 76 }, (_, i) => i + 1));
});

test("a valid broadcast breaks no rule and leaves none unchecked", async () => {
  const results = await check({}, 4);
  expect(rulesThat(results, "broken", "not-checked"), renderResults(results)).toEqual([]);
  expect(rulesThat(results, "held").length).toBeGreaterThan(50);
});

test("a valid broadcast with muxed audio breaks no rule", async () => {
  const results = await check({ isMuxed: true }, 4);
  expect(rulesThat(results, "broken", "not-checked"), renderResults(results)).toEqual([]);
  expect(rulesThat(results, "held")).toEqual(expect.arrayContaining([75, 76]));
});

test("an ended broadcast is checked against the rules for the end", async () => {
  const results = await check({}, 20, true);
  expect(rulesThat(results, "broken", "not-checked"), renderResults(results)).toEqual([]);
  expect(rulesThat(results, "held")).toEqual(expect.arrayContaining([20, 29, 39, 44]));
});

interface Wrong {
  readonly name: string;
  readonly faults: FakeServerFaults;
  /** Compares with exactly the broken rules. */
  readonly breaks: readonly number[];
}

const refuse = (): FakeAnswer => ({ status: 400, headers: { "cache-control": "no-store" }, body: "no" });

/** The timeline with durations of one tick, except the last, which lasts until the next timeline. */
function oneTickApart(run: FakeSamples): FakeSamples {
  const rest = run.sampleTicks * run.samples - (run.samples - 1);
  return { ...run, durations: Array.from({ length: run.samples }, (_, i) => (i === run.samples - 1 ? rest : 1)) };
}

/** The timeline without its last `frames`. */
const less = (run: FakeSamples, frames: number): FakeSamples => ({ ...run, samples: run.samples - frames });

const withLessSound = (fragment: FakeFragment, frames: number): FakeFragment =>
  fragment.audio === undefined ? fragment : { ...fragment, audio: less(fragment.audio, frames) };

/** Each part has one audio frame less, and the next begins where it ended. */
function slowSound(fragment: FakeFragment): FakeFragment {
  const { audio } = fragment;
  if (audio === undefined) return fragment;
  const baseTicks = (audio.baseTicks / audio.samples) * (audio.samples - 1);
  return { ...fragment, audio: { ...less(audio, 1), baseTicks } };
}

const WRONG: readonly Wrong[] = [
  {
    name: "parts whose second half is sent 150 ms after the first",
    breaks: [48],
    faults: { answer: (answer, { file }) => (/^\d+\.\d+\.m4s$/.test(file) ? { ...answer, trickleMs: 150 } : answer) },
  },
  {
    name: "blocking reloads answered two seconds late",
    breaks: [38, 41, 52, 69],
    faults: {
      replaceAnswer: async ({ file, query }, _, __, clock) => {
        if (file === "media.m3u8" && query.has("_HLS_msn")) await sleep(clock, 2000);
        return null;
      },
    },
  },
  {
    name: "segments that take longer than half a target duration",
    breaks: [54],
    faults: {
      replaceAnswer: async ({ file }, _, __, clock) => {
        if (/^\d+\.m4s$/.test(file)) await sleep(clock, 600);
        return null;
      },
    },
  },
  {
    name: "a server with gohlslib's faults",
    breaks: [13, 21, 38, 42, 49, 64, 67, 73],
    faults: {
      noIframes: true,
      playlist: (text, { query }) =>
        text
          .replace(/PART-HOLD-BACK=[\d.]+/, "PART-HOLD-BACK=0.62500")
          .replace(/(REPORT:URI="[^"]*)".*/g, `$1?${query}",LAST-MSN=0,LAST-PART=0`),
      replaceAnswer: async ({ file, track, query }, state, _, clock) => {
        const asked = { msn: Number(query.get("_HLS_msn")), part: Number(query.get("_HLS_part")) };
        const held = state.tracks.get(track);
        if (file !== "media.m3u8" || !query.has("_HLS_msn") || held === undefined) return null;
        if (asked.msn < held.mediaSequence) return refuse();
        const ahead = asked.part > 8 && asked.msn >= (held.segments.at(-1)?.msn ?? 0);
        if (!ahead) return null;
        await sleep(clock, 1200);
        return { status: 200, headers: {}, body: "" };
      },
      answer: (answer, { file }) => {
        if (answer.status === 404 && !file.endsWith(".m3u8")) return { ...answer, status: 500 };
        return file.endsWith(".m3u8") && answer.status === 200
          ? withHeaders(answer, { "content-encoding": "identity", "cache-control": "no-cache" })
          : answer;
      },
    },
  },
  {
    name: "parts without their INDEPENDENT attribute",
    breaks: [11],
    faults: { playlist: (text) => text.replaceAll(",INDEPENDENT=YES", "") },
  },
  {
    name: "parts above the part target",
    breaks: [9],
    faults: { playlist: (text) => text.replace(/PART-TARGET=[\d.]+/, "PART-TARGET=0.24000") },
  },
  {
    name: "a part target that changes between reloads",
    breaks: [4],
    faults: {
      playlist: (text, { query }) =>
        text
          .replace(/PART-HOLD-BACK=[\d.]+/, "PART-HOLD-BACK=0.78000")
          .replace(/PART-TARGET=[\d.]+/, Number(query.get("_HLS_part")) % 2 === 1 ? "PART-TARGET=0.26000" : "$&"),
    },
  },
  {
    name: "a delta update that loses a segment, and says it skipped one less",
    breaks: [46],
    faults: {
      playlist: (text) =>
        text.includes("EXT-X-SKIP") ? text.replace(/(SKIPPED-SEGMENTS=\d+\n)(#.*\n)+\d+\.m4s\n/, "$1") : text,
    },
  },
  {
    name: "a hint of the part after the next",
    breaks: [19],
    faults: {
      playlist: (text) =>
        text.replace(/(TYPE=PART,URI="\d+\.)(\d)/, (_, head: string, part: string) => head + ((Number(part) + 1) % 4)),
    },
  },
  {
    name: "segments that are redirected",
    breaks: [26, 56, 71],
    faults: {
      answer: (answer, { file }) =>
        /^\d+\.m4s$/.test(file) && answer.status === 200 ? { ...answer, status: 302, body: "" } : answer,
    },
  },
  {
    name: "timestamps that jump without a discontinuity",
    breaks: [22, 27, 33],
    faults: {
      media: (fragment, { msn }) => ({
        ...fragment,
        baseTicks: fragment.baseTicks + (msn % 2) * fragment.sampleTicks * 5,
      }),
    },
  },
  {
    name: "requests for a segment too far ahead that are held",
    breaks: [41],
    faults: {
      replaceAnswer: async ({ file, track, query }, state, wait) => {
        const last = state.tracks.get(track)?.segments.at(-1)?.msn ?? 0;
        if (file !== "media.m3u8" || Number(query.get("_HLS_msn")) <= last + 2) return null;
        await wait(() => false);
        return { status: 503, headers: { "cache-control": "no-store" }, body: "" };
      },
    },
  },
  {
    name: "a part without a segment answered, and no Age",
    breaks: [40, 66],
    faults: {
      replaceAnswer: async ({ query }) => {
        if (query.has("_HLS_part") && !query.has("_HLS_msn")) query.delete("_HLS_part");
        return null;
      },
      answer: (answer) => withHeaders(answer, { age: "" }),
    },
  },
  {
    name: "frames of sound that are one tick apart, and the last the rest of its part",
    breaks: [75],
    faults: { media: (fragment, _, track) => (track === "audio" ? oneTickApart(fragment) : fragment) },
  },
  {
    name: "muxed sound whose frames are one tick apart",
    breaks: [75],
    faults: {
      isMuxed: true,
      media: (fragment) => ({ ...fragment, ...(fragment.audio && { audio: oneTickApart(fragment.audio) }) }),
    },
  },
  {
    name: "a sample entry of another rate than its AudioSpecificConfig",
    breaks: [75],
    faults: { init: (track) => (track.kind === "audio" ? { ...track, sampleRate: 44_100 } : track) },
  },
  {
    name: "an AudioSpecificConfig that lets frames last longer than they say",
    breaks: [75],
    faults: { init: (track) => ({ ...track, sampleRate: 44_100, audioConfig: [0x12, 0x10] }) },
  },
  {
    name: "muxed sound that pauses at the end of each segment",
    breaks: [76],
    faults: { isMuxed: true, media: (fragment, { part }) => (part === 3 ? withLessSound(fragment, 6) : fragment) },
  },
  {
    name: "muxed sound that stops",
    breaks: [76],
    faults: { isMuxed: true, media: (fragment, { msn }) => (msn > 13 ? withLessSound(fragment, 12) : fragment) },
  },
  {
    name: "muxed sound that falls behind the pictures",
    breaks: [76],
    faults: { isMuxed: true, media: slowSound },
  },
  {
    name: "sound apart that is shorter than its segment",
    breaks: [27, 33, 76],
    faults: { media: (fragment, { part }, track) => (track === "audio" && part === 3 ? less(fragment, 6) : fragment) },
  },
];

for (const { name, faults, breaks } of WRONG) {
  test(`${name}: the checker reports rules ${breaks.join(", ")} and no other`, async () => {
    const results = await check(faults);
    expect(rulesThat(results, "broken"), renderResults(results)).toEqual(breaks);
  });
}

test("a URL without a server, or with other content, fails with one sentence each", async () => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/gone.m3u8" ? 404 : 200;
    response.end("<html>");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const failure = async (url: string): Promise<string> => {
    const error: unknown = await runConformance(url, { seconds: 1 }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConformanceError);
    return String(error);
  };
  expect(await failure("nonsense")).toContain("no http or https URL");
  expect(await failure(`${base}/gone.m3u8`)).toContain("answered 404");
  expect(await failure(`${base}/page`)).toContain("no multivariant playlist");
  await new Promise((done) => server.close(done));
  expect(await failure(`${base}/page`)).toContain("can't be reached");
});
