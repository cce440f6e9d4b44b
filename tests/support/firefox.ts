/** The system's Firefox, driven by WebDriver BiDi. Debian's lacks commands that playwright-core's client sends. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";

const PATHS = [
  process.env["FIREFOX"],
  "/usr/bin/firefox-esr",
  "/usr/bin/firefox",
  "/Applications/Firefox.app/Contents/MacOS/firefox",
];

/** Time for Firefox to start, and for one command. */
const START_MS = 60_000;
const COMMAND_MS = 60_000;

/** Preferences of a browser that nobody watches: pages may play with sound, and nothing is fetched but pages. */
const PREFERENCES: Readonly<Record<string, boolean | number | string>> = {
  "media.autoplay.default": 0,
  "media.autoplay.blocking_policy": 0,
  "browser.shell.checkDefaultBrowser": false,
  "browser.startup.page": 0,
  "browser.startup.homepage_override.mstone": "ignore",
  "datareporting.policy.dataSubmissionEnabled": false,
  "toolkit.telemetry.enabled": false,
  "app.normandy.enabled": false,
  "app.update.auto": false,
  "extensions.update.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
};

/** The path of Firefox. Throws if there is none. */
function firefoxPath(): string {
  const found = PATHS.find((path) => path !== undefined && existsSync(path));
  if (found === undefined) throw new Error("No Firefox here; install it (Debian: apt-get install firefox-esr).");
  return found;
}

type BidiResult = Readonly<Record<string, unknown>>;

/** One headless Firefox with one tab. */
export class Firefox {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, PromiseWithResolvers<BidiResult>>();
  #commands = 0;
  #tab = "";

  /** Starts it. Throws if there is none, or if it does not start. */
  static async launch(): Promise<Firefox> {
    const path = firefoxPath();
    const profile = await mkdtemp(join(tmpdir(), "corral-firefox-"));
    const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`);
    await writeFile(join(profile, "user.js"), lines.join("\n"));
    const args = ["--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", profile];
    const child = spawn(path, [...args, "about:blank"], { stdio: ["ignore", "ignore", "pipe"] });
    const address = await waitForAddress(child);
    const socket = new WebSocket(`${address}/session`);
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    const firefox = new Firefox(child, profile, socket);
    await firefox.#send("session.new", { capabilities: {} });
    const { contexts } = (await firefox.#send("browsingContext.getTree", {})) as { contexts: { context: string }[] };
    firefox.#tab = contexts[0]?.context ?? "";
    return firefox;
  }

  private constructor(process: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.on("message", (data) => this.#onMessage(String(data)));
  }

  /** Opens an address. */
  async goto(url: string): Promise<void> {
    await this.#send("browsingContext.navigate", { context: this.#tab, url, wait: "complete" });
  }

  /** The value of an expression in the page, by way of JSON. Throws what the page throws. */
  async evaluate<T>(expression: string): Promise<T> {
    const answer = (await this.#send("script.evaluate", {
      ...{ expression: `JSON.stringify(${expression}) ?? "null"`, awaitPromise: true },
      target: { context: this.#tab },
    })) as { type: string; result?: { value?: string }; exceptionDetails?: { text?: string } };
    if (answer.type !== "success") throw new Error(answer.exceptionDetails?.text ?? "the page threw");
    return JSON.parse(answer.result?.value ?? "null") as T;
  }

  /** Ends it, and removes its profile. */
  async close(): Promise<void> {
    const exited = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#socket.terminate();
    this.#process.kill("SIGKILL");
    await exited;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  async #send(method: string, params: object): Promise<BidiResult> {
    const id = ++this.#commands;
    const pending = Promise.withResolvers<BidiResult>();
    this.#pending.set(id, pending);
    const late = setTimeout(() => pending.reject(new Error(`${method}: no answer in ${COMMAND_MS} ms`)), COMMAND_MS);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return pending.promise.finally(() => {
      clearTimeout(late);
      this.#pending.delete(id);
    });
  }

  #onMessage(text: string): void {
    const { id, type, result, error, message } = JSON.parse(text) as {
      id?: number;
      type: string;
      result?: BidiResult;
      error?: string;
      message?: string;
    };
    const pending = this.#pending.get(id ?? -1);
    if (type === "error") pending?.reject(new Error(`${error}: ${message}`));
    else pending?.resolve(result ?? {});
  }
}

/** The address that Firefox prints when it is ready. */
function waitForAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    const late = setTimeout(() => reject(new Error(`Firefox did not start in ${START_MS} ms: ${output}`)), START_MS);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`Firefox ended with ${code}: ${output}`)));
    child.stderr?.on("data", (data: Buffer) => {
      output += String(data);
      const address = /WebDriver BiDi listening on (ws:\/\/\S+)/.exec(output)?.[1];
      if (address === undefined) return;
      clearTimeout(late);
      resolve(address);
    });
  });
}
