/**
 * Chromium by its DevTools protocol alone, for figures of a page's memory: playwright's client has the page's process keep the
 * bytes of its responses.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BROWSER_SWITCHES, browserPath } from "../tests/support/browser.ts";
import { DevtoolsConnection, type DevtoolsResult } from "./devtools-connection.ts";

const START_MS = 30_000;
/** Time to end by itself, after which it is killed. */
const CLOSE_MS = 10_000;
const WINDOW = { width: 1280, height: 800 } as const;

/** What Chromium tells of one of its processes. */
interface ProcessReading {
  readonly type: string;
  readonly id: number;
  readonly cpuTime: number;
}

/** Memory of a tab, bytes: of its scripts after a collection, and all of its process that no file backs. */
export interface TabMemory {
  readonly heapBytes: number;
  readonly processBytes: number;
}

/** One headless Chromium. */
export class DevtoolsBrowser {
  readonly #chromium: Chromium;
  readonly #connection: DevtoolsConnection;
  readonly #tabPids = new Set<number>();

  /** Starts it. Throws if there is none, or if it does not start, in which case nothing of it is left. */
  static async launch(path: string = browserPath()): Promise<DevtoolsBrowser> {
    const chromium = await Chromium.start(path);
    try {
      return new DevtoolsBrowser(chromium, await DevtoolsConnection.open(await chromium.waitForAddress()));
    } catch (error) {
      await chromium.end(0);
      throw error;
    }
  }

  private constructor(chromium: Chromium, connection: DevtoolsConnection) {
    this.#chromium = chromium;
    this.#connection = connection;
  }

  /** Opens `url` in a window and a process of its own; `script` runs in it before the page's. */
  async open(url: string, script: string): Promise<DevtoolsTab> {
    const { browserContextId } = await this.send("Target.createBrowserContext", {});
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank", browserContextId, ...WINDOW });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const tab = new DevtoolsTab(this, String(sessionId));
    await tab.send("Page.enable", {});
    await tab.send("Page.addScriptToEvaluateOnNewDocument", { source: script });
    await tab.send("Page.navigate", { url });
    return tab;
  }

  /** The process of the tab that was opened last and plays: of those that are no other tab's the one with the most CPU. */
  async findTabProcess(): Promise<number> {
    const { processInfo } = (await this.send("SystemInfo.getProcessInfo", {})) as unknown as {
      processInfo: readonly ProcessReading[];
    };
    const [busiest] = processInfo
      .filter(({ type, id }) => type === "renderer" && !this.#tabPids.has(id))
      .sort((a, b) => b.cpuTime - a.cpuTime);
    if (busiest === undefined) throw new Error("Chromium names no process of a tab");
    this.#tabPids.add(busiest.id);
    return busiest.id;
  }

  /** One command, to a tab with its `session`. Throws its error. */
  send(method: string, params: object, session?: string): Promise<DevtoolsResult> {
    return this.#connection.send(method, params, session);
  }

  /** Ends it, also if it has ended. */
  async close(): Promise<void> {
    // Without an answer it is killed.
    const isClosing = await this.send("Browser.close", {}).then(
      () => true,
      () => false,
    );
    await this.#chromium.end(isClosing ? CLOSE_MS : 0);
    this.#connection.close();
  }
}

/** The process of a Chromium, and its profile. */
class Chromium {
  readonly #child: ChildProcess;
  readonly #profile: string;
  /** Settles when it has ended, or could not be started. */
  readonly #ended: Promise<void>;
  #said = "";

  static async start(path: string): Promise<Chromium> {
    const profile = await mkdtemp(join(tmpdir(), "corral-chromium-"));
    const own = ["--headless", "--remote-debugging-port=0", `--user-data-dir=${profile}`];
    const child = spawn(path, [...BROWSER_SWITCHES, ...own, "about:blank"], { stdio: ["ignore", "ignore", "pipe"] });
    return new Chromium(child, profile);
  }

  private constructor(child: ChildProcess, profile: string) {
    this.#child = child;
    this.#profile = profile;
    this.#ended = new Promise((resolve) => child.once("exit", () => resolve()).once("error", () => resolve()));
  }

  /** The address of its DevTools. Throws if it ends first, or takes too long. */
  waitForAddress(): Promise<string> {
    return new Promise((resolve, reject) => {
      const fail = (what: string): void => {
        clearTimeout(timer);
        reject(new Error(`Chromium ${what}:\n${this.#said}`));
      };
      const timer = setTimeout(() => fail("did not start"), START_MS);
      this.#child.once("error", ({ message }) => fail(`cannot be started (${message})`));
      this.#child.once("exit", () => fail("ended"));
      this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        // What it says later is not kept.
        if (this.#said.length < 10_000) this.#said += text;
        const address = /DevTools listening on (ws:\S+)/.exec(this.#said)?.[1];
        if (address === undefined) return;
        clearTimeout(timer);
        resolve(address);
      });
    });
  }

  /** Waits for its end for `ms`, kills it then, and removes its profile. */
  async end(ms: number): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), ms);
    await this.#ended;
    clearTimeout(timer);
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** One tab. */
export class DevtoolsTab {
  readonly #browser: DevtoolsBrowser;
  readonly #session: string;

  constructor(browser: DevtoolsBrowser, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  send(method: string, params: object): Promise<DevtoolsResult> {
    return this.#browser.send(method, params, this.#session);
  }

  /** The value of an expression in the page. Throws what the page throws. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.send("Runtime.evaluate", {
      expression,
      returnByValue: true,
    })) as { result?: { value?: unknown }; exceptionDetails?: { text?: string } };
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.text ?? "the page threw");
    return result?.value as T;
  }

  /** Its memory after a collection of its scripts' heap; `pid` is its process. */
  async readMemory(pid: number): Promise<TabMemory> {
    await this.send("HeapProfiler.collectGarbage", {});
    const { usedSize } = await this.send("Runtime.getHeapUsage", {});
    return { heapBytes: Number(usedSize), processBytes: readAnonymousBytes(pid) };
  }
}

/** Memory of a process that no file backs, bytes. */
function readAnonymousBytes(pid: number): number {
  const kilobytes = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes ?? Number.NaN) * 1024;
}
