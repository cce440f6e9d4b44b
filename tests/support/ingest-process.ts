/** An ingest node as a process of its own, and the keys of its streams. */
import { readFileSync } from "node:fs";
import type { LocalEdge } from "../../origin/local-edge/edge.ts";
import { OriginProcess } from "./origin-process.ts";

/** An issued key. */
export interface IssuedKey {
  readonly id: string;
  readonly key: string;
}

/** A running `ingest`, which publishes to a given edge: its CPU is that of receiving, packaging and publishing. */
export class IngestProcess {
  readonly origin: OriginProcess;
  readonly edge: LocalEdge;
  readonly #adminToken: string;
  rtmpPort = 0;
  srtPort = 0;
  /** UDP port of WHIP's media, and TCP port of its signalling. */
  whipPort = 0;
  whipHttpPort = 0;

  private constructor(edge: LocalEdge, adminToken: string, args: readonly string[], nodeFlags: readonly string[]) {
    this.edge = edge;
    this.#adminToken = adminToken;
    const ports = ["--rtmp-port", "0", "--srt-port", "0", "--whip-port", "0"];
    const target = ["--edge", edge.url, "--ingest-token", adminToken];
    this.origin = new OriginProcess(["ingest", ...target, ...ports, ...args], nodeFlags);
  }

  /** Starts it, and waits for its ports. */
  static async start(
    edge: LocalEdge,
    adminToken: string,
    args: readonly string[] = [],
    nodeFlags: readonly string[] = [],
  ): Promise<IngestProcess> {
    const node = new IngestProcess(edge, adminToken, args, nodeFlags);
    await node.origin.waitForOutput("Watch:");
    node.rtmpPort = Number(/rtmp:\/\/[^:]+:(\d+)\//.exec(node.origin.output)?.[1]);
    node.srtPort = Number(/srt:\/\/[^:]+:(\d+)\?/.exec(node.origin.output)?.[1]);
    await node.origin.waitForOutput("CORRAL_WHIP_NODE");
    node.whipPort = Number(/media to UDP port (\d+)/.exec(node.origin.output)?.[1]);
    node.whipHttpPort = Number(/this machine's TCP port (\d+)/.exec(node.origin.output)?.[1]);
    return node;
  }

  /** Issues a key of `stream`. */
  async issueKey(
    stream: string,
    options: { readonly uses?: number; readonly role?: "primary" | "backup" } = {},
  ): Promise<IssuedKey> {
    const answer = await this.#callApi(`${stream}/keys`, "POST", JSON.stringify(options));
    return (await answer.json()) as IssuedKey;
  }

  async revokeKey(stream: string, id: string): Promise<void> {
    await this.#callApi(`${stream}/keys/${id}`, "DELETE");
  }

  /** Resident memory, bytes. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.origin.process.pid}/status`, "utf8");
    return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
  }

  async #callApi(path: string, method: string, body?: string): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#adminToken}`, "content-type": "application/json" };
    const answer = await fetch(`${this.edge.url}/api/streams/${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }
}
