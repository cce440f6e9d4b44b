/** An edge with a stream in each state, and a browser. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { type LocalEdge, startEdge } from "../../origin/local-edge/edge.ts";
import { launchBrowser } from "../support/browser.ts";
import { OriginProcess } from "../support/origin-process.ts";
import { freePort } from "../support/ports.ts";

/** The streams, by their state. */
export const LIVE = "evening-ride";
export const SCHEDULED = "sunday-concert";
export const IDLE = "workshop";
/** Not on the air; the page that goes live from the browser writes to it, so that no other page shows it. */
export const FROM_BROWSER = "market-walk";
export const ENDED = "morning-news";
export const GATED = "members";
export const STOPPED = "closed";

/** When the announced broadcast begins: long after now, whatever the day. */
const STARTS_AT = "2037-06-07T18:00:00Z";
/** How long the ended broadcast was on the air. */
const SHORT_MS = 4_000;

const DETAILS: Readonly<Record<string, object>> = {
  [LIVE]: {
    title: "Evening ride over the pasture",
    host: "Mira Okafor",
    description: "A slow ride along the fence until the sun is gone.\nEvery Thursday, with your questions.",
    tags: ["outdoors", "music"],
    language: "en",
    links: [{ label: "My site", url: "https://mira.example/" }],
  },
  [SCHEDULED]: {
    title: "Sunday concert",
    host: "Jun Tanaka",
    description: "Piano, live from the barn.",
    schedule: [{ startsAt: STARTS_AT, title: "Sunday concert" }],
  },
  [IDLE]: { title: "Workshop", host: "Ayọ̀ Bello", description: "Saddles and tools." },
  [FROM_BROWSER]: { title: "A walk over the market", host: "Ayọ̀ Bello" },
  [ENDED]: { title: "Morning news", host: "Lena" },
  [GATED]: { title: "For members", host: "Lena" },
  [STOPPED]: { title: "Closed", host: "Lena" },
};

/** What Mira's viewers write. */
const MESSAGES = [
  ["jun", "Jun", "What a sky tonight"],
  ["lena", "Lena", "Where is this?"],
  ["carlos", "carlos_m", "my horse is watching too 😂"],
  ["shira", "שירה", "שלום לכולם"],
  ["priya", "Priya", "How low is the delay? I see your clock as it is here."],
] as const;

/** What `openStage` has built. */
export interface Stage {
  readonly edge: LocalEdge;
  readonly browser: Browser;
  close(): Promise<void>;
}

/** Builds it; takes some ten seconds. */
export async function openStage(ladder: string): Promise<Stage> {
  const dataDir = await mkdtemp(join(tmpdir(), "corral-visual-"));
  const adminToken = randomBytes(24).toString("hex");
  const edge = await startEdge({ port: await freePort(), dataDir, adminToken });
  const origins: OriginProcess[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(origins.map((origin) => (origin.process.exitCode === null ? origin.interrupt() : null)));
    await edge.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  const headers = { authorization: `Bearer ${adminToken}` };
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const answer = await fetch(`${edge.url}${path}`, init);
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? null : await answer.json();
  };
  const broadcast = async (stream: string): Promise<OriginProcess> => {
    const { key } = (await call("POST", `/api/streams/${stream}/keys`)) as { key: string };
    const origin = new OriginProcess(["--edge", edge.url, "--key", key, "--stream", stream, "--ladder", ladder]);
    origins.push(origin);
    await origin.waitForOutput(`/watch/${stream}`);
    return origin;
  };
  try {
    for (const [stream, details] of Object.entries(DETAILS)) {
      await call("PUT", `/api/streams/${stream}/details`, details);
      // The others get theirs when they begin.
      if (stream !== LIVE && stream !== ENDED) await call("POST", `/api/streams/${stream}/keys`);
    }
    await call("PUT", `/api/streams/${GATED}/access`, { playback: "token" });
    await call("POST", `/api/streams/${STOPPED}/stop`, {
      category: "other",
      reason: "The rights to the music are missing.",
    });
    const ended = await broadcast(ENDED);
    await new Promise((resolve) => setTimeout(resolve, SHORT_MS));
    await ended.interrupt();
    await broadcast(LIVE);
    const browser = await launchBrowser();
    await chat(edge);
    return {
      edge,
      browser,
      close: async () => {
        await browser.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Some people write in the live broadcast's room. */
async function chat(edge: LocalEdge): Promise<void> {
  for (const [sub, name, text] of MESSAGES) {
    const body = JSON.stringify({ room: LIVE, sub, name });
    const { token } = (await (await fetch(`${edge.url}/dev/token`, { method: "POST", body })).json()) as {
      token: string;
    };
    const socket = new WebSocket(`${edge.url.replace("http", "ws")}/rooms/${LIVE}/socket?token=${token}`);
    await new Promise<void>((resolve, reject) => {
      socket.onerror = () => reject(new Error(`${name} cannot enter the room`));
      socket.onopen = () => socket.send(JSON.stringify({ type: "hello", from: null }));
      socket.onmessage = ({ data }) => {
        const { type } = JSON.parse(String(data)) as { type: string };
        if (type === "welcome") socket.send(JSON.stringify({ type: "act", id: sub, act: { kind: "chat", text } }));
        if (type === "ack") resolve();
      };
    });
    socket.close();
  }
}
