/** The sheet with which a viewer passes the stream on. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { iframeCode } from "../embed/embed-code.ts";
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
      <CopyText label="Link" text={link} />
      {atS !== null && atS >= 1 && (
        <label class="sheet-option">
          <input
            type="checkbox"
            checked={withTime}
            onChange={({ currentTarget }) => setWithTime(currentTarget.checked)}
          />
          <span>Start at {formatTime(atS)}</span>
        </label>
      )}
      <CopyText label="Embed" text={iframeCode(location.origin, stream, title)} />
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

/** A text to be copied. */
function CopyText({ label, text }: { label: string; text: string }): VNode {
  const [said, setSaid] = useState("");
  const copy = async (): Promise<void> => {
    const isCopied = await navigator.clipboard?.writeText(text).then(
      () => true,
      () => false,
    );
    setSaid(isCopied === true ? "Copied" : "Copying is not allowed here: select the text.");
  };
  return (
    <div class="copy-text">
      <label>
        <span>{label}</span>
        <input readOnly value={text} onFocus={({ currentTarget }) => currentTarget.select()} />
      </label>
      <button type="button" class="pill" onClick={() => void copy()}>
        Copy
      </button>
      <p class="note" role="status">
        {said}
      </p>
    </div>
  );
}

/** 1:02:03 or 2:03. */
function formatTime(seconds: number): string {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}
