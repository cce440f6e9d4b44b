/** Sessions of WHIP senders, and what their requests do to them. */
import { randomBytes, randomInt } from "node:crypto";
import { parseNetwork } from "../../core/access/network.ts";
import type { ProblemName } from "../../core/api/problem-names.ts";
import { createProblem, type ProblemDocument } from "../../core/api/problems.ts";
import {
  type LocalDescription,
  parseIceFragment,
  writeAnswer,
  writeIceFragment,
} from "../../core/ingest/whip/answer.ts";
import { type IceCredentials, negotiateOffer, type WhipNegotiation } from "../../core/ingest/whip/negotiate.ts";
import { type Clock, startInterval } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { TokenBuckets } from "../../core/kit/token-buckets.ts";
import type { SenderConnection } from "./sender-connection.ts";
import { WHIP_LISTENER_LIMITS } from "./whip-limits.ts";
import { WhipSession } from "./whip-session.ts";
import type { WhipSocket } from "./whip-socket.ts";
import type { WhipCertificate } from "./whip-transport.ts";

/** What the sessions need. */
export interface WhipSessionsOptions {
  readonly certificate: WhipCertificate;
  readonly socket: WhipSocket;
  /** IP addresses that senders are told to send media to, the preferred one first. */
  readonly announced: readonly string[];
  readonly clock: Clock;
  /** Decides by `accept` or `refuse`, within 8 s. */
  readonly onSender: (sender: SenderConnection) => void;
}

/** The result of a request: what the response has, or a problem. */
export type WhipResult =
  | { readonly kind: "created"; readonly answer: string; readonly session: WhipSession }
  | { readonly kind: "restarted"; readonly fragment: string; readonly session: WhipSession }
  | { readonly kind: "done" }
  | { readonly kind: "problem"; readonly problem: ProblemDocument };

/** Who sends a request. */
export interface WhipCaller {
  readonly stream: StreamName;
  readonly key: string;
  readonly remoteAddress: string;
}

/** See the file's first line. */
export class WhipSessions {
  readonly #options: WhipSessionsOptions;
  readonly #sessions = new Map<string, WhipSession>();
  readonly #offers = new TokenBuckets();
  #stopTicks: (() => void) | null = null;
  #isClosed = false;

  constructor(options: WhipSessionsOptions) {
    this.#options = options;
  }

  close(): void {
    this.#isClosed = true;
    for (const session of [...this.#sessions.values()]) {
      session.refuse("The server is closing.", "overload");
      session.close("The server is closing.");
    }
  }

  /** An offer: the node decides, then the answer is made. */
  async offer(caller: WhipCaller, sdp: string): Promise<WhipResult> {
    const network = parseNetwork(caller.remoteAddress) ?? caller.remoteAddress;
    const { clock } = this.#options;
    if (!this.#offers.tryTake(network, WHIP_LISTENER_LIMITS.offerRate, clock.monotonicMs()))
      return problem("too-many-requests", "Your network sends too many offers.");
    const negotiation = negotiateOffer(sdp);
    if (typeof negotiation === "string") return problem("invalid-offer", negotiation);
    if (this.#isClosed || !this.#hasRoom(network))
      return problem("unavailable", "This server has no room for another session now; try again later.");
    const { promise: decision, resolve } = Promise.withResolvers<ProblemDocument | null>();
    const session = this.#createSession(caller, network, negotiation, resolve);
    const cancelDeadline = clock.startTimer(WHIP_LISTENER_LIMITS.decisionMs, () =>
      session.refuse("The server could not decide in time; try again.", "overload"),
    );
    this.#options.onSender(session);
    const refusal = await decision;
    cancelDeadline();
    if (refusal !== null) return { kind: "problem", problem: refusal };
    const answer = writeAnswer(negotiation, this.#describe(session), String(randomInt(1, 2 ** 47)));
    return { kind: "created", answer, session };
  }

  /** A fragment: its candidates are not needed, because the sender's checks tell its addresses; or a restart of ICE. */
  patch(caller: WhipCaller, id: string, fragment: string, ifMatch: string | null): WhipResult {
    const session = this.#find(caller, id);
    if (session === null) return problem("not-found", "There is no such session.");
    const { fragment: remote, password } = parseIceFragment(fragment);
    const isRestart = remote !== null && password !== null && remote !== session.remoteFragment;
    // "*" is a restart's condition; without any, a fragment is of the current session.
    if (!isRestart) {
      const isCurrent = ifMatch === null || ifMatch === "*" || ifMatch === entityTag(session);
      return isCurrent ? { kind: "done" } : problem("precondition-failed", "ICE has been restarted since.");
    }
    if (!/^[A-Za-z0-9+/]{4,256}$/.test(remote))
      return problem("invalid-offer", "The fragment has an invalid ice-ufrag.");
    session.restartIce(remote, createIce());
    this.#options.socket.add(session);
    return { kind: "restarted", fragment: writeIceFragment(this.#describe(session), session.mid), session };
  }

  end(caller: WhipCaller, id: string): WhipResult {
    const session = this.#find(caller, id);
    if (session === null) return problem("not-found", "There is no such session.");
    session.end();
    return { kind: "done" };
  }

  /** RFC 9725 §4.6: a session is its sender's, who shows the same key. */
  #find({ stream, key }: WhipCaller, id: string): WhipSession | null {
    const session = this.#sessions.get(id);
    return session !== undefined && session.stream === stream && session.key === key && session.isOpen ? session : null;
  }

  #hasRoom(network: string): boolean {
    if (this.#sessions.size >= WHIP_LISTENER_LIMITS.sessions) return false;
    let count = 0;
    for (const session of this.#sessions.values()) if (session.network === network) count += 1;
    return count < WHIP_LISTENER_LIMITS.sessionsPerNetwork;
  }

  #createSession(
    caller: WhipCaller,
    network: string,
    negotiation: WhipNegotiation,
    onDecision: (refusal: ProblemDocument | null) => void,
  ): WhipSession {
    const id = randomBytes(16).toString("hex");
    const { clock } = this.#options;
    const session: WhipSession = new WhipSession({
      ...caller,
      ...{ id, network, negotiation, onDecision },
      certificate: this.#options.certificate,
      ssrc: randomInt(1, 2 ** 32 - 1),
      ice: createIce(),
      nowMs: () => clock.monotonicMs(),
      send: (bytes, peer) => this.#options.socket.send(bytes, peer),
      onGone: () => this.#remove(session),
    });
    this.#sessions.set(id, session);
    this.#options.socket.add(session);
    this.#stopTicks ??= startInterval(clock, WHIP_LISTENER_LIMITS.tickMs, () => {
      for (const each of [...this.#sessions.values()]) each.tick();
    });
    return session;
  }

  #remove(session: WhipSession): void {
    this.#sessions.delete(session.id);
    this.#options.socket.remove(session);
    if (this.#sessions.size > 0) return;
    this.#stopTicks?.();
    this.#stopTicks = null;
  }

  #describe({ ice }: WhipSession): LocalDescription {
    const { port } = this.#options.socket;
    const candidates = this.#options.announced.map((address) => ({ address, port }));
    return { ice, fingerprint: this.#options.certificate.fingerprint, candidates };
  }
}

/** The entity tag of a session's ICE (RFC 9725 §4.3.1). */
export const entityTag = ({ generation }: WhipSession): string => `"${generation}"`;

const problem = (name: ProblemName, detail: string): WhipResult => ({
  kind: "problem",
  problem: createProblem(name, detail),
});

/** RFC 8445 §5.3: 24 bits and 128 bits of randomness at least. */
function createIce(): IceCredentials {
  return { fragment: randomBytes(9).toString("hex"), password: randomBytes(16).toString("hex") };
}
