/** A part from isolate memory at the maximum rate of one core, compared with a bare Worker and nginx. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { cpuMs, descendantPids } from "../loadtest/processes.ts";
import { SyntheticPublisher } from "../loadtest/publisher.ts";
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { type BenchFigure, formatFixed, median } from "./stats.ts";

const PART_BYTES = 50_000;
/** Servers are measured in turn, in short rounds, so that other load affects all alike. */
const ROUNDS = 15;
const ROUND_S = 1;
const CONNECTIONS = 50;

/** The result of one round of one server. */
interface WrkRound {
  readonly perSecond: number;
  readonly cpuMsPerRequest: number;
}

/** Requests per second and CPU of a hit. */
export async function measureCacheHits(
  edge: LocalEdge,
  adminToken: string,
  ports: { readonly bare: number; readonly dressed: number; readonly nginx: number },
): Promise<BenchFigure[]> {
  const stream = `hits${Date.now().toString(36)}`;
  const shape = { partMs: 1_000, partsPerSegment: 2, tracks: { "720p": PART_BYTES } };
  const [workerd = 0] = descendantPids(process.pid, "workerd");
  const publisher = await SyntheticPublisher.start(edge.url, stream, adminToken, shape);
  const folder = await mkdtemp(join(tmpdir(), "corral-bench-hits-"));
  const nginx = await startNginx(folder, ports.nginx);
  let bare: Miniflare | null = null;
  try {
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    bare = await bareWorkers(ports, await headersOf(await newestPart(`${edge.url}/live/${stream}`)));
    const [bareWorkerd = 0] = descendantPids(process.pid, "workerd").filter((pid) => pid !== workerd);
    const token = await viewerToken(edge.url, stream);
    const edgeRounds: WrkRound[] = [];
    const tokenRounds: WrkRound[] = [];
    const bareRounds: WrkRound[] = [];
    const headerRounds: WrkRound[] = [];
    const nginxRounds: WrkRound[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const part = await newestPart(`${edge.url}/live/${stream}`);
      edgeRounds.push(await runWrk(part, workerd));
      await setPlaybackPolicy(edge.url, stream, adminToken, "token", part);
      tokenRounds.push(await runWrk(`${part}?token=${token}`, workerd));
      await setPlaybackPolicy(edge.url, stream, adminToken, "public", part);
      bareRounds.push(await runWrk(`http://127.0.0.1:${ports.bare}/`, bareWorkerd));
      headerRounds.push(await runWrk(`http://127.0.0.1:${ports.dressed}/`, bareWorkerd));
      nginxRounds.push(await runWrk(`http://127.0.0.1:${ports.nginx}/part`, nginx.pid ?? 0));
    }
    return [...hitFigures(edgeRounds, bareRounds, headerRounds, nginxRounds), tokenFigure(edgeRounds, tokenRounds)];
  } finally {
    nginx.kill("SIGTERM");
    await bare?.dispose();
    await publisher.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function hitFigures(
  ours: readonly WrkRound[],
  bares: readonly WrkRound[],
  dressed: readonly WrkRound[],
  files: readonly WrkRound[],
): BenchFigure[] {
  const rate = (rounds: readonly WrkRound[]): number => median(rounds.map(({ perSecond }) => perSecond));
  const cpu = (rounds: readonly WrkRound[]): number => median(rounds.map(({ cpuMsPerRequest }) => cpuMsPerRequest));
  const ratio = (some: readonly WrkRound[], others: readonly WrkRound[]): number =>
    median(some.map(({ perSecond }, i) => perSecond / (others[i]?.perSecond ?? Number.NaN)));
  const toBare = ratio(ours, bares);
  const toDressed = ratio(ours, dressed);
  const toNginx = ratio(ours, files);
  const bareToNginx = ratio(bares, files);
  const values = {
    oursPerSecond: rate(ours),
    barePerSecond: rate(bares),
    nginxPerSecond: rate(files),
    toBare,
    toDressed,
    toNginx,
    bareToNginx,
    oursCpuMs: cpu(ours),
    bareCpuMs: cpu(bares),
    nginxCpuMs: cpu(files),
  };
  return [
    {
      figure: "hit in isolate memory, CPU of workerd per request",
      goal: "≤ 0.12 ms",
      measured: `${formatFixed(cpu(ours), 3)} ms (a bare Worker ${formatFixed(cpu(bares), 3)} ms)`,
      met: cpu(ours) <= 0.12,
      values,
    },
    {
      figure: `requests/s, 50 kB part from isolate memory ÷ the same body from a bare Worker, median of ${ROUNDS} pairs`,
      goal: "≥ 0.85",
      measured: `${formatFixed(toBare)} (${formatFixed(rate(ours), 0)} ÷ ${formatFixed(rate(bares), 0)}; with our headers from the bare Worker too ${formatFixed(toDressed)})`,
      met: toBare >= 0.85,
      values,
    },
    {
      figure: `the same ÷ nginx that serves the file, median of ${ROUNDS} pairs`,
      goal: "≥ 0.25",
      measured: `${formatFixed(toNginx)} (÷ ${formatFixed(rate(files), 0)}; the bare Worker ${formatFixed(bareToNginx)})`,
      met: toNginx >= 0.25,
      values,
    },
  ];
}

/** The cost of authorization: the same part in a public stream and with a token policy. */
function tokenFigure(ours: readonly WrkRound[], gated: readonly WrkRound[]): BenchFigure {
  const cpu = (rounds: readonly WrkRound[]): number => median(rounds.map(({ cpuMsPerRequest }) => cpuMsPerRequest));
  const ratio = median(gated.map(({ cpuMsPerRequest }, i) => cpuMsPerRequest / (ours[i]?.cpuMsPerRequest ?? 0)));
  return {
    figure: "the same part with a token policy ÷ of a public stream, CPU of workerd per request",
    goal: "≤ 1.15",
    measured: `${formatFixed(ratio)} (${formatFixed(cpu(gated), 3)} ms ÷ ${formatFixed(cpu(ours), 3)} ms)`,
    met: ratio <= 1.15,
    values: { publicCpuMs: cpu(ours), gatedCpuMs: cpu(gated) },
  };
}

async function viewerToken(url: string, room: string): Promise<string> {
  const answer = await fetch(`${url}/dev/token`, { method: "POST", body: JSON.stringify({ room, sub: "viewer" }) });
  return ((await answer.json()) as { token: string }).token;
}

/** Sets the playback policy, and waits until a viewer without a token is affected. Throws if the edge does not follow. */
async function setPlaybackPolicy(
  url: string,
  stream: string,
  adminToken: string,
  playback: "public" | "token",
  part: string,
): Promise<void> {
  const set = await fetch(`${url}/api/streams/${stream}/access`, {
    method: "PUT",
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify({ playback }),
  });
  const wanted = playback === "public" ? 200 : 401;
  for (let attempt = 0; set.ok && attempt < 50; attempt += 1) {
    const answer = await fetch(part);
    await answer.arrayBuffer();
    if (answer.status === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the stream didn't become ${playback}: ${set.status}`);
}

async function newestPart(base: string): Promise<string> {
  const media = /^\S+media\.m3u8$/m.exec(await (await fetch(`${base}/multivariant.m3u8`)).text())?.[0] ?? "";
  const playlist = await (await fetch(`${base}/${media}`)).text();
  const part = playlist.match(/#EXT-X-PART:[^\n]*URI="([^"]+)"/g)?.at(-1);
  const name = /URI="([^"]+)"/.exec(part ?? "")?.[1] ?? "";
  return `${base}/${media.slice(0, media.lastIndexOf("/"))}/${name}`;
}

/** One round of `wrk` on its own core, against a server on the other. Throws on responses other than 200. */
async function runWrk(url: string, pid: number): Promise<WrkRound> {
  const before = cpuMs(pid);
  const wrk = spawn("wrk", ["-t1", `-c${CONNECTIONS}`, `-d${ROUND_S}s`, url], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  wrk.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(wrk, "close");
  const requests = Number(/(\d+) requests in/.exec(output)?.[1] ?? Number.NaN);
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1] ?? Number.NaN);
  if (/Non-2xx|Socket errors/.test(output) || !(requests > 0)) throw new Error(`wrk ${url}:\n${output}`);
  return { perSecond, cpuMsPerRequest: (cpuMs(pid) - before) / requests };
}

/** The headers of a hit, except those of every response. */
async function headersOf(url: string): Promise<Record<string, string>> {
  const answer = await fetch(url);
  await answer.arrayBuffer();
  const headers = Object.fromEntries(answer.headers);
  for (const name of ["connection", "content-length", "date", "keep-alive", "transfer-encoding"]) delete headers[name];
  return headers;
}

/** Two Workers that return a body: one with only its type, one with these headers. */
async function bareWorkers(
  ports: { readonly bare: number; readonly dressed: number },
  headers: Readonly<Record<string, string>>,
): Promise<Miniflare> {
  const worker = (name: string, port: number, sent: Readonly<Record<string, string>>): object => ({
    name,
    modules: [
      {
        type: "ESModule",
        path: "index.js",
        contents: `
const body = new Uint8Array(${PART_BYTES}).fill(120);
export default { fetch: () => new Response(body, { headers: ${JSON.stringify(sent)} }) };`,
      },
    ],
    compatibilityDate: "2026-11-02",
    unsafeDirectSockets: [{ host: "127.0.0.1", port }],
  });
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      workers: [worker("bare", ports.bare, { "content-type": "video/mp4" }), worker("dressed", ports.dressed, headers)],
    } as Parameters<typeof convertV4MiniflareOptions>[0]),
  );
  await miniflare.ready;
  return miniflare;
}

/** One process without a master, so that its CPU is the total. */
async function startNginx(folder: string, port: number): Promise<ChildProcess> {
  await writeFile(join(folder, "part"), Buffer.alloc(PART_BYTES, "x"));
  await writeFile(
    join(folder, "nginx.conf"),
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/errors.log;
events { worker_connections 512; }
http {
  access_log off; sendfile on; tcp_nopush on; open_file_cache max=10; keepalive_requests 10000000;
  client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
  uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
  server { listen 127.0.0.1:${port}; root ${folder}; default_type video/mp4; }
}
`,
  );
  const nginx = spawn("nginx", ["-c", join(folder, "nginx.conf")], {
    stdio: "inherit",
    // Debian installs it where only administrators' PATH looks.
    env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` },
  });
  nginx.once("error", () => {});
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const answer = await fetch(`http://127.0.0.1:${port}/part`).catch(() => null);
    if (answer?.ok === true) return nginx;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  nginx.kill("SIGKILL");
  throw new Error("nginx didn't start");
}
