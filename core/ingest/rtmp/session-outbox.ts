/** What a session has to send and to report, in order. */
import type { IngestEvent } from "../media-event.ts";
import type { RtmpMessage } from "./chunk-reader.ts";
import { ChunkWriter, controlMessage, peerBandwidthMessage } from "./chunk-writer.ts";
import { connectResult, type StatusCode, statusMessage } from "./commands.ts";
import type { RtmpPublishTarget } from "./publish-target.ts";

/** Why a session ended by itself: the sender unpublished, it was refused for its address, or its input is invalid. */
export type RtmpSessionEnd =
  | { readonly kind: "goodbye" }
  | { readonly kind: "refused"; readonly detail: string }
  | { readonly kind: "invalid"; readonly detail: string };

/** An event of a session. After `end` nothing follows. */
export type RtmpSessionEvent =
  /** The sender asks to publish: answer with `accept` or `refuse`. */
  | { readonly kind: "publish"; readonly target: RtmpPublishTarget }
  | { readonly kind: "media"; readonly media: IngestEvent }
  /** The answer to `ping`, with its number. */
  | { readonly kind: "pong"; readonly number: number }
  | { readonly kind: "end"; readonly end: RtmpSessionEnd };

/** What a call causes. */
export interface RtmpSessionOutput {
  /** Bytes to send; empty if there are none. */
  readonly send: readonly Uint8Array[];
  readonly events: readonly RtmpSessionEvent[];
}

/** Window of acknowledgements, in both directions, until the sender asks for another. */
export const RTMP_WINDOW_BYTES = 2_500_000;
/** Chunk size of the answers: each fits one chunk. */
const SENT_CHUNK_BYTES = 4_096;
/** Chunk streams of control messages and commands. */
const CONTROL_CHUNKS = 2;
const COMMAND_CHUNKS = 3;

/** Collects bytes and events until `flush`. */
export class SessionOutbox {
  readonly #writer = new ChunkWriter();
  #send: Uint8Array[] = [];
  #events: RtmpSessionEvent[] = [];

  /** Sends bytes as they are: those of the handshake. */
  sendBytes(bytes: Uint8Array): void {
    this.#send.push(bytes);
  }

  /** Sends a protocol or user control message. */
  sendControl(message: RtmpMessage): void {
    this.#send.push(this.#writer.write(CONTROL_CHUNKS, message));
  }

  sendCommand(message: RtmpMessage): void {
    this.#send.push(this.#writer.write(COMMAND_CHUNKS, message));
  }

  /** Sends a status of a message stream. */
  sendStatus(streamId: number, code: StatusCode, sentence: string): void {
    this.sendCommand(statusMessage(streamId, code, sentence));
  }

  /** Sends what a `connect` that is accepted expects. */
  sendConnectAnswer(transactionId: number): void {
    this.sendControl(controlMessage("windowAckSize", RTMP_WINDOW_BYTES));
    this.sendControl(peerBandwidthMessage(RTMP_WINDOW_BYTES));
    this.sendControl(controlMessage("setChunkSize", SENT_CHUNK_BYTES));
    this.sendCommand(connectResult(transactionId));
  }

  report(event: RtmpSessionEvent): void {
    this.#events.push(event);
  }

  /** Everything since the last call. */
  flush(): RtmpSessionOutput {
    const output = { send: this.#send, events: this.#events };
    this.#send = [];
    this.#events = [];
    return output;
  }
}
