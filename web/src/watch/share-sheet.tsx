/** The sheet with which a viewer passes the stream on. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { iframeCode } from "../../../core/embed/embed-code.ts";
import { CopyField } from "../kit/copy-field.tsx";
import { formatElapsed } from "../kit/number-text.ts";
import { shareLink } from "./share-link.ts";
import { Sheet } from "./sheet.tsx";

interface ShareSheetProps {
  readonly stream: string;
  readonly title: string;
  /** Seconds of the recording on screen, which the link can begin at; null while live. */
  readonly atS: number | null;
  readonly onClose: () => void;
}

export function ShareSheet({ stream, title, atS, onClose }: ShareSheetProps): VNode {
  const [withTime, setWithTime] = useState(false);
  const link = shareLink(location.origin, stream, withTime ? atS : null);
  return (
    <Sheet title="Share" onClose={onClose}>
      <CopyField id="share-link" label="Link" text={link} buttonClass="pill" />
      {atS !== null && atS >= 1 && (
        <label class="sheet-option">
          <input
            type="checkbox"
            checked={withTime}
            onChange={({ currentTarget }) => setWithTime(currentTarget.checked)}
          />
          <span>Start at {formatElapsed(1000 * atS)}</span>
        </label>
      )}
      <CopyField id="share-embed" label="Embed" text={iframeCode(location.origin, stream, title)} buttonClass="pill" />
      {typeof navigator.share === "function" && (
        <button
          type="button"
          class="pill pill-strong"
          // A viewer who closes the system's sheet rejects the promise.
          onClick={() => void navigator.share({ title, url: link }).catch(() => {})}
        >
          Share with…
        </button>
      )}
    </Sheet>
  );
}
