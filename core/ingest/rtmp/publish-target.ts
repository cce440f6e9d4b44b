/** Which stream a sender asks for, and with which key: from the application and the name that it publishes. */
import { parseStreamName, type StreamName } from "../../kit/ids.ts";
import { RTMP_LIMITS } from "./limits.ts";

/** The first segment of every address. */
const RTMP_APPLICATION = "live";

const EXPECTED = `Use the server rtmp://HOST/${RTMP_APPLICATION}/STREAM and the stream key that you were given.`;

/** A stream and the key that shall open it. */
export interface RtmpPublishTarget {
  readonly stream: StreamName;
  readonly key: string;
}

/** Why `application` cannot lead to a stream, as a sentence; null if a publish name may complete it. */
export function applicationProblem(application: string): string | null {
  const [first, stream, ...others] = segmentsOf(application);
  if (first !== RTMP_APPLICATION) return `The application must be "${RTMP_APPLICATION}". ${EXPECTED}`;
  if (others.length > 0) return `The address has too many segments. ${EXPECTED}`;
  return stream === undefined ? null : streamProblem(stream);
}

/**
 * The target of `name` published in `application`: `live/{stream}` with the key as name, or `live` with the name
 * `{stream}/{key}` or `{stream}?key={key}`. A sentence if it is none.
 */
export function parsePublishTarget(application: string, name: string): RtmpPublishTarget | string {
  const [path = "", ...queries] = name.split("?");
  const [first, stream, keySegment, ...others] = [...segmentsOf(application), ...segmentsOf(path)];
  if (first !== RTMP_APPLICATION) return `The application must be "${RTMP_APPLICATION}". ${EXPECTED}`;
  if (stream === undefined) return `The address names no stream. ${EXPECTED}`;
  const parsed = parseStreamName(stream);
  if (parsed === null) return streamProblem(stream) ?? "";
  const key = keySegment ?? new URLSearchParams(queries.join("?")).get("key") ?? "";
  if (key === "") return `The stream key is missing. ${EXPECTED}`;
  if (others.length > 0 || key.length > RTMP_LIMITS.keyCharacters || !/^[!-~]+$/.test(key)) {
    return `The stream key is malformed. ${EXPECTED}`;
  }
  return { stream: parsed, key };
}

function streamProblem(stream: string): string | null {
  if (parseStreamName(stream) !== null) return null;
  return "The stream name is invalid: 1 to 64 of a-z, 0-9, _ and -, beginning with a letter or digit.";
}

/** Path segments without a query and empty ones. */
function segmentsOf(path: string): string[] {
  const [withoutQuery = ""] = path.split("?", 1);
  return withoutQuery.split("/").filter((segment) => segment !== "");
}
