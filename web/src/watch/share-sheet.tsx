/** The sheet with which a viewer passes the stream on, or a part of a recording. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { iframeCode } from "../../../core/embed/embed-code.ts";
import { CopyField } from "../kit/copy-field.tsx";
import { formatElapsed } from "../kit/number-text.ts";
import { type SharedPlace, shareLink, WHOLE_STREAM } from "./share-link.ts";
import { Sheet } from "./sheet.tsx";

/** A recording on screen. */
export interface ShownRecording {
  /** Null: the API has not named it. */
  readonly broadcast: string | null;
  /** Where it is, seconds. */
  readonly atS: number;
}

interface ShareSheetProps {
  readonly stream: string;
  readonly title: string;
  /** Null while live. */
  readonly recording: ShownRecording | null;
  readonly onClose: () => void;
}

/** Lengths of a clip, seconds: what ends where the viewer is. */
const CLIP_LENGTHS_S = [15, 30, 60, 180] as const;
const USUAL_CLIP_S = 30;

/** How much of a recording is passed on. */
type Extent = "whole" | "from" | "clip";

export function ShareSheet({ stream, title, recording, onClose }: ShareSheetProps): VNode {
  const [extent, setExtent] = useState<Extent>("whole");
  const [lengthS, setLengthS] = useState<number>(USUAL_CLIP_S);
  // Where the viewer was when the sheet opened: the recording plays on.
  const [atS] = useState(recording?.atS ?? 0);
  const link = shareLink(
    location.origin,
    stream,
    recording === null ? WHOLE_STREAM : placeOf(recording, extent, atS, lengthS),
  );
  return (
    <Sheet title="Share" onClose={onClose}>
      <CopyField id="share-link" label="Link" text={link} buttonClass="pill" />
      {recording !== null && atS >= 1 && (
        <fieldset>
          <legend>Of this recording</legend>
          <ExtentChoice label="All of it" isChosen={extent === "whole"} onChoose={() => setExtent("whole")} />
          <ExtentChoice
            label={`From ${formatElapsed(1000 * atS)}`}
            isChosen={extent === "from"}
            onChoose={() => setExtent("from")}
          />
          <ExtentChoice label="A clip" isChosen={extent === "clip"} onChoose={() => setExtent("clip")} />
          {extent === "clip" && (
            <label class="clip-length">
              <span>The last</span>
              <select value={lengthS} onChange={({ currentTarget }) => setLengthS(Number(currentTarget.value))}>
                {CLIP_LENGTHS_S.map((length) => (
                  <option key={length} value={length}>
                    {length} s
                  </option>
                ))}
              </select>
              <span>before {formatElapsed(1000 * atS)}</span>
            </label>
          )}
        </fieldset>
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

function placeOf({ broadcast }: ShownRecording, extent: Extent, atS: number, lengthS: number): SharedPlace {
  switch (extent) {
    case "whole":
      return { broadcast, startS: null, endS: null };
    case "from":
      return { broadcast, startS: atS, endS: null };
    case "clip":
      return { broadcast, startS: Math.max(0, atS - lengthS), endS: atS };
  }
}

interface ExtentChoiceProps {
  readonly label: string;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}

const ExtentChoice = ({ label, isChosen, onChoose }: ExtentChoiceProps): VNode => (
  <label class="sheet-option">
    <input type="radio" name="extent" checked={isChosen} onChange={onChoose} />
    <span>{label}</span>
  </label>
);
