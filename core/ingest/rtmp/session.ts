/**
 * A sender's RTMP connection, server side, without I/O: bytes in, bytes and events out. A sender that breaks the protocol
 * or a limit ends its session with a reason; nothing is thrown.
 */
import type { Random } from "../../kit/clock.ts";
import { ChunkReader, controlNumber, MESSAGE_TYPES, type RtmpMessage } from "./chunk-reader.ts";
import { controlMessage, USER_CONTROL_EVENTS, userControlMessage } from "./chunk-writer.ts";
import {
  canReconnect,
  commandMessage,
  decodeCommand,
  type RtmpCommand,
  reconnectRequest,
  type StatusCode,
  statusObject,
} from "./commands.ts";
import { decodeAudioMessage } from "./flv-audio.ts";
import { decodeVideoMessage } from "./flv-video.ts";
import { ServerHandshake } from "./handshake.ts";
import { RTMP_LIMITS } from "./limits.ts";
import { decodeMetadata } from "./metadata.ts";
import { applicationProblem, parsePublishTarget } from "./publish-target.ts";
import { RtmpError } from "./rtmp-error.ts";
import { RTMP_WINDOW_BYTES, type RtmpSessionEnd, type RtmpSessionOutput, SessionOutbox } from "./session-outbox.ts";
import { SessionTracks } from "./session-tracks.ts";

/** One session. */
export class RtmpSession {
  /** `deciding`: a publish request awaits `accept` or `refuse`. */
  #state: "handshake" | "commands" | "deciding" | "publishing" | "ended" = "handshake";
  readonly #handshake: ServerHandshake;
  #reader = new ChunkReader();
  readonly #tracks = new SessionTracks();
  readonly #outbox = new SessionOutbox();
  #receivedBytes = 0;
  #acknowledgedBytes = 0;
  #windowBytes = RTMP_WINDOW_BYTES;
  /** The application of `connect`, null before it. */
  #application: string | null = null;
  #canReconnect = false;
  #streams = 0;
  /** The message stream that is published. */
  #publishedStream = 0;
  #held: RtmpMessage[] = [];
  #heldBytes = 0;

  /** `random`: fills the handshake. */
  constructor(random: Random) {
    this.#handshake = new ServerHandshake(random);
  }

  /** Bytes held in memory for incomplete and undecided messages. */
  get bufferedBytes(): number {
    return this.#reader.partialBytes + this.#heldBytes;
  }

  /** Reads received bytes. Never throws. */
  receive(chunk: Uint8Array): RtmpSessionOutput {
    return this.#attempt(() => {
      this.#receivedBytes += chunk.length;
      let rest = chunk;
      if (this.#state === "handshake") {
        const step = this.#handshake.read(chunk);
        if (step.send !== null) this.#outbox.sendBytes(step.send);
        if (!this.#handshake.isComplete) return;
        this.#state = "commands";
        rest = step.rest;
      }
      for (const message of this.#reader.read(rest)) {
        this.#handle(message);
        if (this.#hasEnded()) return;
      }
      if (this.#state === "commands" && this.#receivedBytes > RTMP_LIMITS.bytesBeforePublish) {
        throw new RtmpError(`The sender does not publish within ${RTMP_LIMITS.bytesBeforePublish} bytes.`);
      }
      this.#acknowledge();
    });
  }

  /** Admits the publish request. Messages that came meanwhile are delivered. */
  accept(): RtmpSessionOutput {
    return this.#attempt(() => {
      if (this.#state !== "deciding") return;
      this.#state = "publishing";
      this.#outbox.sendControl(userControlMessage("streamBegin", this.#publishedStream));
      this.#writeStatus("NetStream.Publish.Start", "Publishing has started.");
      const held = this.#held;
      this.#held = [];
      this.#heldBytes = 0;
      for (const message of held) {
        this.#handle(message);
        if (this.#hasEnded()) return;
      }
    });
  }

  /** Refuses the publish request, with a sentence that the encoder may show. Nothing more is read. */
  refuse(sentence: string): RtmpSessionOutput {
    return this.#finish("NetStream.Publish.BadName", sentence);
  }

  /** Ends the session, with a sentence that the encoder may show. Nothing more is read. */
  close(sentence: string): RtmpSessionOutput {
    return this.#finish("NetStream.Publish.Rejected", sentence);
  }

  /** Asks for a `pong` with `number`, of 32 bits. */
  ping(number: number): RtmpSessionOutput {
    return this.#attempt(() => {
      if (this.#state === "publishing") this.#outbox.sendControl(userControlMessage("pingRequest", number));
    });
  }

  /** Asks an encoder that declares the capability to reconnect, to `url` if it is not null. Others get nothing. */
  requestReconnect(url: string | null, sentence: string): RtmpSessionOutput {
    return this.#attempt(() => {
      if (this.#state === "publishing" && this.#canReconnect) {
        this.#outbox.sendCommand(reconnectRequest(url, sentence));
      }
    });
  }

  /** Runs a step unless the session has ended; an error ends it. */
  #attempt(step: () => void): RtmpSessionOutput {
    try {
      if (!this.#hasEnded()) step();
    } catch (error) {
      const isInput = error instanceof RtmpError;
      const detail = isInput ? error.message : `Internal error: ${String(error)}`;
      const sentence = isInput ? detail : "The server failed to read the stream.";
      this.#end({ kind: "invalid", detail }, "NetStream.Publish.Rejected", sentence);
    }
    return this.#outbox.flush();
  }

  #finish(code: StatusCode, sentence: string): RtmpSessionOutput {
    return this.#attempt(() => {
      if (this.#application !== null) this.#writeStatus(code, sentence);
      this.#release();
    });
  }

  #end(end: RtmpSessionEnd, code: StatusCode, sentence: string): void {
    if (this.#application !== null) this.#writeStatus(code, sentence);
    this.#outbox.report({ kind: "end", end });
    this.#release();
  }

  #release(): void {
    this.#state = "ended";
    // Frees its incomplete messages.
    this.#reader = new ChunkReader();
    this.#held = [];
    this.#heldBytes = 0;
  }

  #hasEnded(): boolean {
    return this.#state === "ended";
  }

  #writeStatus(code: StatusCode, sentence: string): void {
    this.#outbox.sendStatus(this.#publishedStream, code, sentence);
  }

  /** "The client or the server MUST send an acknowledgment to the peer after receiving bytes equal to the window size." */
  #acknowledge(): void {
    if (this.#receivedBytes - this.#acknowledgedBytes < this.#windowBytes) return;
    this.#acknowledgedBytes = this.#receivedBytes;
    this.#outbox.sendControl(controlMessage("acknowledgement", this.#receivedBytes % 2 ** 32));
  }

  #handle(message: RtmpMessage): void {
    const { type, payload, timestamp } = message;
    switch (type) {
      case MESSAGE_TYPES.windowAckSize:
        // A window of zero would acknowledge every packet.
        this.#windowBytes = controlNumber(payload) || RTMP_WINDOW_BYTES;
        return;
      case MESSAGE_TYPES.userControl:
        this.#handleUserControl(payload);
        return;
      case MESSAGE_TYPES.commandAmf0:
      case MESSAGE_TYPES.commandAmf3:
        if (this.#state === "deciding") this.#hold(message);
        else this.#handleCommand(decodeCommand(message));
        return;
      case MESSAGE_TYPES.audio:
      case MESSAGE_TYPES.video:
      case MESSAGE_TYPES.dataAmf0:
      case MESSAGE_TYPES.dataAmf3:
        if (this.#state === "deciding") this.#hold(message);
        else if (this.#state === "publishing") this.#handleMedia(type, timestamp, payload);
        return;
    }
  }

  #hold(message: RtmpMessage): void {
    this.#heldBytes += message.payload.length + 1;
    if (this.#heldBytes > RTMP_LIMITS.heldBytes) throw new RtmpError("The sender does not wait for its admission.");
    this.#held.push(message);
  }

  #handleUserControl(payload: Uint8Array): void {
    if (payload.length < 6) return;
    const event = controlNumber(payload) >>> 16;
    const number = controlNumber(payload.subarray(2));
    if (event === USER_CONTROL_EVENTS.pingRequest) {
      this.#outbox.sendControl(userControlMessage("pingResponse", number));
    } else if (event === USER_CONTROL_EVENTS.pingResponse) {
      this.#outbox.report({ kind: "pong", number });
    }
  }

  #handleMedia(type: number, timestamp: number, payload: Uint8Array): void {
    if (type === MESSAGE_TYPES.dataAmf0 || type === MESSAGE_TYPES.dataAmf3) {
      const metadata = decodeMetadata(type === MESSAGE_TYPES.dataAmf3 ? payload.subarray(1) : payload);
      if (metadata !== null) this.#outbox.report({ kind: "media", media: metadata });
      return;
    }
    const media = type === MESSAGE_TYPES.video ? "video" : "audio";
    const packets = media === "video" ? decodeVideoMessage(payload) : decodeAudioMessage(payload);
    for (const event of this.#tracks.readPackets(media, timestamp, packets)) {
      this.#outbox.report({ kind: "media", media: event });
    }
  }

  #handleCommand(command: RtmpCommand): void {
    const { name, transactionId, args, streamId } = command;
    if (name === "connect") {
      this.#connect(command);
      return;
    }
    if (this.#application === null) throw new RtmpError("A command precedes connect.");
    switch (name) {
      case "createStream":
        if (this.#streams === RTMP_LIMITS.messageStreams) throw new RtmpError("The sender creates too many streams.");
        this.#streams += 1;
        this.#outbox.sendCommand(commandMessage(0, "_result", transactionId, null, this.#streams));
        return;
      case "publish":
        this.#publish(streamId, args[0]);
        return;
      case "releaseStream":
      case "FCPublish":
        if (transactionId !== 0) this.#outbox.sendCommand(commandMessage(0, "_result", transactionId, null, null));
        return;
      case "FCUnpublish":
        this.#unpublish(this.#publishedStream);
        return;
      case "deleteStream":
        this.#unpublish(args[0]);
        return;
      case "closeStream":
        this.#unpublish(streamId);
        return;
      // Others expect no answer that matters to publishing; an error would end some encoders.
    }
  }

  #connect(command: RtmpCommand): void {
    if (this.#application !== null) throw new RtmpError("The sender connects twice.");
    const application = command.commandObject?.get("app");
    const text = typeof application === "string" ? application : "";
    const problem = applicationProblem(text);
    if (problem !== null) {
      const status = statusObject("NetConnection.Connect.Rejected", problem);
      this.#outbox.sendCommand(commandMessage(0, "_error", command.transactionId, null, status));
      this.#outbox.report({ kind: "end", end: { kind: "refused", detail: problem } });
      this.#release();
      return;
    }
    this.#application = text;
    this.#canReconnect = canReconnect(command);
    this.#outbox.sendConnectAnswer(command.transactionId);
  }

  #publish(streamId: number, name: unknown): void {
    if (this.#state === "publishing") throw new RtmpError("The sender publishes twice on one connection.");
    this.#publishedStream = streamId;
    const target = parsePublishTarget(this.#application ?? "", typeof name === "string" ? name : "");
    if (typeof target === "string") {
      this.#end({ kind: "refused", detail: target }, "NetStream.Publish.BadName", target);
      return;
    }
    this.#state = "deciding";
    this.#reader.maxMessageBytes = RTMP_LIMITS.messageBytes;
    this.#outbox.report({ kind: "publish", target });
  }

  #unpublish(streamId: unknown): void {
    if (this.#state !== "publishing" || streamId !== this.#publishedStream) return;
    this.#end({ kind: "goodbye" }, "NetStream.Unpublish.Success", "Publishing has ended.");
  }
}
