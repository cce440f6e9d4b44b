/** The error of a request for a stopped stream. */
import type { StreamStop } from "./stream-stop.ts";

/** The stream was stopped: nothing of it is delivered. */
export class StreamStoppedError extends Error {
  override readonly name = "StreamStopped";
  readonly stop: StreamStop;

  constructor(stop: StreamStop) {
    super("the stream was stopped");
    this.stop = stop;
  }
}
