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
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #connection: DevtoolsConnection;
  readonly #tabPids = new Set<number>();

  /** Starts it. Throws if there is none, or if it does not start. */
  static async launch(): Promise<DevtoolsBrowser> {
    const profile = await mkdtemp(join(tmpdir(), "corral-chromium-"));
    const own = ["--headless", "--remote-debugging-port=0", `--user-data-dir=${profile}`];
    const child = spawn(browserPath(), [...BROWSER_SWITCHES, ...own, "about:blank"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    return new DevtoolsBrowser(child, profile, await DevtoolsConnection.open(await waitForAddress(child)));
  }

  private constructor(process: ChildProcess, profile: string, connection: DevtoolsConnection) {
    this.#process = process;
    this.#profile = profile;
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

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    await this.send("Browser.close", {}).catch(() => this.#process.kill());
    await ended;
    this.#connection.close();
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

function waitForAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const timer = setTimeout(() => reject(new Error(`Chromium did not start:\n${said}`)), START_MS);
    child.once("exit", () => reject(new Error(`Chromium ended:\n${said}`)));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      // What it says later is not kept.
      if (said.length < 10_000) said += text;
      const address = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address);
    });
  });
}
