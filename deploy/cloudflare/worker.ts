/**
 * A Worker that runs an origin in a container for each stream: `PUT /{stream}` with `{"source", "key"}` starts it, `DELETE`
 * ends it, `GET` tells whether it runs. The source is the RTMPS or SRT playback address of a Cloudflare Stream live input.
 */
import { DurableObject } from "cloudflare:workers";
import { type PullRequest, parsePullRequest, pullCommand, restartDelayMs } from "./pull-request.ts";

interface PullEnv {
  readonly PULL_ORIGIN: DurableObjectNamespace<PullOrigin>;
  readonly CORRAL_EDGE: string;
  /** Secret; without it every request is refused. */
  readonly PULL_TOKEN?: string;
}

/** What is stored while the container has to run. */
interface StoredPull {
  readonly request: PullRequest;
  readonly restarts: number;
}

const SIGTERM = 15;
/** A container that ran this long has started well: its next end counts as the first. */
const SETTLED_MS = 60_000;

/** The container of one stream. An alarm starts it again while it is wanted. */
export class PullOrigin extends DurableObject<PullEnv> {
  #isWatching = false;

  async begin(request: PullRequest): Promise<void> {
    await this.ctx.storage.put<StoredPull>("pull", { request, restarts: 0 });
    // One that runs for an earlier request ends, and is started again for this one.
    if (this.ctx.container?.running === true) this.ctx.container.signal(SIGTERM);
    await this.#run();
  }

  async end(): Promise<void> {
    await this.ctx.storage.deleteAll();
    await this.ctx.storage.deleteAlarm();
    // The origin ends the broadcast; the platform gives it 15 minutes.
    if (this.ctx.container?.running === true) this.ctx.container.signal(SIGTERM);
  }

  async describe(): Promise<{ readonly isWanted: boolean; readonly isRunning: boolean }> {
    const stored = await this.ctx.storage.get<StoredPull>("pull");
    return { isWanted: stored !== undefined, isRunning: this.ctx.container?.running === true };
  }

  override async alarm(): Promise<void> {
    await this.#run();
  }

  async #run(): Promise<void> {
    const stored = await this.ctx.storage.get<StoredPull>("pull");
    const { container } = this.ctx;
    if (stored === undefined || container === undefined) return;
    if (!container.running) {
      const { args, env } = pullCommand(stored.request, this.env.CORRAL_EDGE);
      container.start({ entrypoint: args, env, enableInternet: true });
    }
    this.#watch(container);
    // The object may be evicted while the container runs: it looks again.
    await this.ctx.storage.setAlarm(Date.now() + SETTLED_MS);
  }

  /** Waits for the container's end, once. */
  #watch(container: Container): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    const startedMs = Date.now();
    const ended = (reason: unknown): Promise<void> => {
      this.#isWatching = false;
      return this.#restartLater(startedMs, reason);
    };
    this.ctx.waitUntil(container.monitor().then(() => ended("it has exited"), ended));
  }

  async #restartLater(startedMs: number, reason: unknown): Promise<void> {
    const stored = await this.ctx.storage.get<StoredPull>("pull");
    if (stored === undefined) return;
    const restarts = Date.now() - startedMs > SETTLED_MS ? 0 : stored.restarts + 1;
    console.warn(`${stored.request.stream}: the container has ended; starting it again`, reason);
    await this.ctx.storage.put<StoredPull>("pull", { ...stored, restarts });
    await this.ctx.storage.setAlarm(Date.now() + restartDelayMs(restarts));
  }
}

async function handle(request: Request, env: PullEnv): Promise<Response> {
  if (!(await isAuthorized(request, env.PULL_TOKEN))) return new Response("Send the token.\n", { status: 401 });
  const stream = new URL(request.url).pathname.slice(1);
  const body = request.method === "PUT" ? await request.text() : "{}";
  const parsed = parsePullRequest(stream, body, request.method === "PUT");
  if (typeof parsed === "string") return new Response(`${parsed}\n`, { status: 400 });
  const origin = env.PULL_ORIGIN.getByName(parsed.stream);
  if (request.method === "PUT") await origin.begin(parsed);
  else if (request.method === "DELETE") await origin.end();
  else if (request.method !== "GET") return new Response("Use GET, PUT or DELETE.\n", { status: 405 });
  return Response.json(await origin.describe());
}

/** Compares digests, whose time tells nothing. */
async function isAuthorized(request: Request, token = ""): Promise<boolean> {
  const sent = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
  if (token.length < 32) return false;
  const [a, b] = await Promise.all([sent, token].map((text) => digest(text)));
  return a !== undefined && b !== undefined && crypto.subtle.timingSafeEqual(a, b);
}

function digest(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}

const worker: ExportedHandler<PullEnv> = { fetch: handle };
export default worker;
