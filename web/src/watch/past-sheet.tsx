/** The sheet that lists the stream's past broadcasts. */
import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Clock } from "../../../core/kit/clock.ts";
import { formatDateTime } from "../kit/date-text.ts";
import { formatElapsed } from "../kit/number-text.ts";
import { fetchRecordings, type ListedRecording } from "./recording-list.ts";
import { shareLink, WHOLE_STREAM } from "./share-link.ts";
import { Sheet } from "./sheet.tsx";

interface PastSheetProps {
  readonly stream: string;
  /** The broadcast on screen, which is marked. */
  readonly shownBroadcast: string | null;
  readonly clock: Clock;
  readonly onClose: () => void;
}

type Listed = readonly ListedRecording[] | "asking" | "failed";

export function PastSheet({ stream, shownBroadcast, clock, onClose }: PastSheetProps): VNode {
  const [listed, setListed] = useState<Listed>("asking");
  const ask = (): void => {
    setListed("asking");
    fetchRecordings(stream).then(setListed, () => setListed("failed"));
  };
  useEffect(ask, [stream]);
  return (
    <Sheet title="Past broadcasts" onClose={onClose}>
      <p class="note" role="status">
        {noteOf(listed)}
      </p>
      {listed === "failed" && (
        <button type="button" class="pill" onClick={ask}>
          Try again
        </button>
      )}
      {typeof listed === "object" && listed.length > 0 && (
        <ul class="sheet-tools past-list">
          {listed.map(({ broadcast, startedAtMs, lengthMs }) => (
            <li key={broadcast}>
              <a
                href={shareLink("", stream, { ...WHOLE_STREAM, broadcast })}
                aria-current={broadcast === shownBroadcast ? "page" : undefined}
              >
                <time dateTime={new Date(startedAtMs).toISOString()}>{formatDateTime(startedAtMs, clock.nowMs())}</time>
                <span>{formatElapsed(lengthMs)}</span>
              </a>
            </li>
          ))}
        </ul>
      )}
    </Sheet>
  );
}

function noteOf(listed: Listed): string {
  if (listed === "asking") return "Asking the edge…";
  if (listed === "failed") return "The edge does not respond.";
  return listed.length > 0 ? "" : "None yet. A recording is listed here once a broadcast has ended.";
}
