/** What a session tells its operator. Pure. */
import type { PassthroughDecision } from "../../core/ingest/passthrough/gop-inspector.ts";
import type { TakeOverReason } from "../../core/ingest/stand-by/air-switch.ts";
import type { Transcoder } from "../packager/transcoder.ts";
import type { SenderEnd } from "./sender-connection.ts";
import type { SessionSender } from "./session-sender.ts";

/** A sender is encoded anew for `reason`: what it costs. */
export function describeTranscoding({ places, options: { limit } }: Transcoder, reason: string): string {
  const cost = `takes processor cores (${places.used} of ${limit} places are taken) and about a second of delay`;
  return `${withFullStop(reason)} Until then the picture is encoded anew here, which ${cost}.`;
}

/** `text` with one full stop. */
export function withFullStop(text: string): string {
  return `${text.replace(/\.+$/, "")}.`;
}

/** A sender has come, as the `count`th; `onAir`: for which it stands by, or null. */
export function describeAdmission(
  { role, connection: { protocol, remoteAddress } }: SessionSender,
  count: number,
  onAir: SessionSender | null,
): string {
  const place = onAir === null ? "" : `; it stands by for the ${onAir.role}`;
  return `a ${role} sender is connected${count > 1 ? " again" : ""} by ${protocol} from ${remoteAddress}${place}.`;
}

/** The edge has the first part. */
export function describeStart(tookMs: number): string {
  return `on the air; the edge has the first part ${(tookMs / 1000).toFixed(2)} s after the connection.`;
}

/** How a sender has gone. */
export function describeEnd(end: SenderEnd): string {
  return end.kind === "goodbye" ? "said goodbye" : "detail" in end ? `is gone (${end.detail})` : "is gone";
}

/** How a sender that stood by comes on the air. */
export function describeTakeOver(reason: TakeOverReason): string {
  if (reason === "returned") return "is back on the air";
  return `takes over from one that ${reason === "lost" ? "is gone" : "sends nothing"}`;
}

/** What becomes of pictures that are fit. */
export function describePassthrough({
  keyframeS,
  hasReordering,
}: Extract<PassthroughDecision, { kind: "passthrough" }>): string {
  return `passed through: a keyframe every ${keyframeS.toFixed(1)} s${hasReordering ? ", with B-frames" : ""}.`;
}
