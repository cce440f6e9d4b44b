/** A request that met a stop. */
import type { StreamStop } from "./stream-stop.ts";

/** The stream was stopped: nothing of it is given. */
export class StreamStoppedError extends Error {
  override readonly name = "StreamStopped";
  readonly stop: StreamStop;

  constructor(stop: StreamStop) {
    super("the stream was stopped");
    this.stop = stop;
  }
}
