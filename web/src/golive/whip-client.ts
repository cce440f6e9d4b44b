/** WebRTC ingest (WHIP, RFC 9725), for browsers without encoders for pages. */
import { type Clock, startInterval } from "../../../core/kit/clock.ts";
import type { GoLiveProblem } from "./golive-view.ts";
import { checkPageKey } from "./page-key.ts";
import { describeWhipRefusal, type WhipEvent } from "./whip-refusal.ts";
import { findOutboundPicture, type OutboundPicture, readWhipStatus } from "./whip-status.ts";
import type { WorkerEvent } from "./worker/messages.ts";

/** Addresses are gathered for at most this long; a server with a public address needs few. */
const GATHER_MS = 1_000;
const REQUEST_MS = 10_000;
/** A connection that is away for longer has ended. */
const DISCONNECT_MS = 20_000;
const STATUS_MS = 1_000;

type FailedEvent = Extract<WorkerEvent, { kind: "failed" }>;

/** Why the server has cut a sender, from what its key may do now. */
function describeCut(problem: GoLiveProblem | null): Pick<FailedEvent, "code" | "reason"> {
  const reason = problem?.reason ?? "";
  switch (problem?.kind) {
    case "key-refused":
      return { code: "refused", reason: `key: ${reason}` };
    case "stopped":
      return { code: "stopped", reason };
    case "other-live":
      return { code: "already-live", reason };
    case "unreachable":
      return { code: "network", reason };
    default:
      return { code: "failed", reason };
  }
}

/** One WebRTC session. */
export class WhipClient {
  readonly #clock: Clock;
  readonly #stream: string;
  readonly #key: string;
  readonly #report: (event: WhipEvent) => void;
  readonly #connection = new RTCPeerConnection();
  #resource: string | null = null;
  #stopStatus: () => void = () => {};
  #picture: OutboundPicture | null = null;
  #isOver = false;

  constructor(stream: string, key: string, clock: Clock, report: (event: WhipEvent) => void) {
    this.#clock = clock;
    this.#stream = stream;
    this.#key = key;
    this.#report = report;
    this.#connection.onconnectionstatechange = () => this.#onState();
  }

  /** Offers the tracks, and connects. */
  async start(tracks: readonly MediaStreamTrack[]): Promise<void> {
    const stream = new MediaStream([...tracks]);
    // RFC 9725 §4.2: "the WHIP client MUST use the sendonly attribute".
    for (const track of tracks) this.#connection.addTransceiver(track, { direction: "sendonly", streams: [stream] });
    try {
      await this.#connection.setLocalDescription(await this.#connection.createOffer());
      await this.#gather();
      const response = await fetch(`/whip/${this.#stream}`, {
        method: "POST",
        headers: { authorization: `Bearer ${this.#key}`, "content-type": "application/sdp" },
        body: this.#connection.localDescription?.sdp ?? "",
        signal: AbortSignal.timeout(REQUEST_MS),
      });
      if (response.status !== 201) return await this.#refuse(response);
      this.#resource = response.headers.get("location");
      await this.#connection.setRemoteDescription({ type: "answer", sdp: await response.text() });
      // The server ends DTLS when it cuts the sender; the connection's own state does not tell it.
      const transport = this.#connection.getSenders()[0]?.transport;
      transport?.addEventListener("statechange", () => {
        if (transport.state === "closed") void this.#onCut();
      });
    } catch (error) {
      this.#fail("unreachable", error instanceof Error ? error.message : "");
    }
  }

  /** Replaces a track of the same kind. */
  async replace(track: MediaStreamTrack): Promise<void> {
    const sender = this.#connection.getSenders().find((each) => each.track?.kind === track.kind);
    await sender?.replaceTrack(track);
  }

  /** RFC 9725 §4.2: "To explicitly terminate a WHIP session, the WHIP client MUST perform an HTTP DELETE request". */
  async end(): Promise<void> {
    if (this.#isOver) return;
    this.#close();
    if (this.#resource !== null) {
      const headers = { authorization: `Bearer ${this.#key}` };
      await fetch(this.#resource, { method: "DELETE", headers, keepalive: true }).catch(() => {});
    }
    this.#report({ kind: "ended" });
  }

  #gather(): Promise<void> {
    return new Promise((resolve) => {
      const signal = AbortSignal.timeout(GATHER_MS);
      signal.addEventListener("abort", () => resolve());
      const check = (): void => {
        if (this.#connection.iceGatheringState === "complete") resolve();
      };
      this.#connection.addEventListener("icegatheringstatechange", check);
      check();
    });
  }

  async #refuse(response: Response): Promise<void> {
    const body: unknown = await response.json().catch(() => null);
    if (this.#isOver) return;
    this.#close();
    this.#report(describeWhipRefusal(response.status, body));
  }

  /** The server has cut the sender; the edge knows whether its key is why. */
  async #onCut(): Promise<void> {
    if (this.#isOver) return;
    this.#close();
    const problem = await checkPageKey(this.#stream, this.#key);
    this.#report({ kind: "failed", ...describeCut(problem) });
  }

  #onState(): void {
    const { connectionState } = this.#connection;
    if (connectionState === "connected" && !this.#isOver) {
      this.#report({ kind: "live" });
      this.#stopStatus();
      this.#stopStatus = startInterval(this.#clock, STATUS_MS, () => void this.#tellStatus());
    } else if (connectionState === "failed") this.#fail("network", "");
    else if (connectionState === "disconnected") {
      AbortSignal.timeout(DISCONNECT_MS).addEventListener("abort", () => {
        if (this.#connection.connectionState === "disconnected") this.#fail("network", "");
      });
    }
  }

  async #tellStatus(): Promise<void> {
    const report = await this.#connection.getStats().catch(() => null);
    const now = report === null ? null : findOutboundPicture(report.values());
    if (now === null || this.#isOver) return;
    const isAway = this.#connection.connectionState !== "connected";
    const status = this.#picture === null ? null : readWhipStatus(this.#picture, now, isAway);
    this.#picture = now;
    if (status !== null) this.#report({ kind: "status", status });
  }

  #fail(code: FailedEvent["code"], reason: string): void {
    if (this.#isOver) return;
    this.#close();
    this.#report({ kind: "failed", code, reason });
  }

  #close(): void {
    this.#isOver = true;
    this.#stopStatus();
    this.#connection.close();
  }
}
