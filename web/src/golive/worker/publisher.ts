/** The publishing worker: timers and encoders that run on while the page is in the background. */
import { systemPlatform } from "../../../../core/kit/system-platform.ts";
import { CaptureSession } from "./capture-session.ts";
import type { AudioBlock, WorkerCommand, WorkerEvent } from "./messages.ts";
import { readPictures } from "./read-pictures.ts";

/** The used part of a worker's global scope, which the compiler's library of documents lacks. */
interface WorkerScope {
  postMessage(message: WorkerEvent): void;
  onmessage: ((event: MessageEvent<WorkerCommand>) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;
let session: CaptureSession | null = null;
let stopReading: () => void = () => {};

scope.onmessage = ({ data }) => {
  switch (data.kind) {
    case "start":
      if (session?.isOver !== false) session = begin(data);
      break;
    case "video":
      stopReading();
      stopReading = readPictures(data.source, pushPicture);
      break;
    case "frame":
      pushPicture(data.frame);
      break;
    case "audio":
      session?.setMicrophone(data.port !== null);
      if (data.port !== null) data.port.onmessage = (block: MessageEvent<AudioBlock>) => session?.pushSound(block.data);
      break;
    case "end":
      stopReading();
      void session?.end();
      break;
  }
};

scope.postMessage({ kind: "ready", canReadTracks: typeof MediaStreamTrackProcessor === "function" });

function begin(command: Extract<WorkerCommand, { kind: "start" }>): CaptureSession | null {
  try {
    return new CaptureSession(command, systemPlatform, (event) => scope.postMessage(event));
  } catch (error) {
    scope.postMessage({ kind: "failed", code: "encoder", reason: error instanceof Error ? error.message : "" });
    return null;
  }
}

function pushPicture(frame: VideoFrame): void {
  if (session === null) frame.close();
  else session.pushPicture(frame);
}
