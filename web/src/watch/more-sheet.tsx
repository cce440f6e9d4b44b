/** The sheet of what a phone has no room for beside the picture. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { DelayWish } from "../player/delay-choice.ts";
import type { DelayReading } from "../player/delay-switch.ts";
import type { RenditionList } from "../player/renditions.ts";
import { OBSTACLE_TEXTS } from "./delay-text.ts";
import { Sheet } from "./sheet.tsx";

interface MoreSheetProps {
  readonly renditions: RenditionList | null;
  /** Null: the stream is not live. */
  readonly delays: DelayReading | null;
  readonly onDelay: (wish: DelayWish) => void;
  readonly tools: readonly { readonly name: string; readonly onClick: () => void }[];
  /** Where the stream is reported; null: nowhere. */
  readonly reportLink: string | null;
  readonly onClose: () => void;
}

export function MoreSheet({ renditions, delays, onDelay, tools, reportLink, onClose }: MoreSheetProps): VNode {
  return (
    <Sheet title="More" onClose={onClose}>
      {renditions !== null && renditions.length > 0 && <QualityChoice renditions={renditions} />}
      {delays !== null && (
        <fieldset>
          <legend>Delay</legend>
          <Choice
            name="delay"
            label="Fastest"
            isChosen={delays.choice.wish === "fastest"}
            onChoose={() => onDelay("fastest")}
          />
          <Choice
            name="delay"
            label="Smooth"
            isChosen={delays.choice.wish === "smooth"}
            onChoose={() => onDelay("smooth")}
          />
          {delays.choice.wish === "fastest" && delays.choice.obstacle !== null && (
            <p class="note">{OBSTACLE_TEXTS[delays.choice.obstacle]}</p>
          )}
        </fieldset>
      )}
      <ul class="sheet-tools">
        {tools.map(({ name, onClick }) => (
          <li key={name}>
            <button type="button" onClick={onClick}>
              {name}
            </button>
          </li>
        ))}
        {reportLink !== null && (
          <li>
            <a href={reportLink} target="_blank" rel="noopener">
              Report this stream
            </a>
          </li>
        )}
      </ul>
      <AboutCopy />
    </Sheet>
  );
}

function QualityChoice({ renditions }: { renditions: RenditionList }): VNode {
  const [, redraw] = useState(0);
  useEffect(() => {
    const onChange = (): void => redraw((count) => count + 1);
    renditions.addEventListener("change", onChange);
    return () => renditions.removeEventListener("change", onChange);
  }, [renditions]);
  const choose = (index: number) => () => {
    renditions.selectedIndex = index;
  };
  return (
    <fieldset>
      <legend>Quality</legend>
      <Choice name="quality" label="Auto" isChosen={renditions.selectedIndex === -1} onChoose={choose(-1)} />
      {renditions.items.map(({ name }, index) => (
        <Choice
          key={name}
          name="quality"
          label={name}
          isChosen={renditions.selectedIndex === index}
          onChoose={choose(index)}
        />
      ))}
    </fieldset>
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly label: string;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}

const Choice = ({ name, label, isChosen, onChoose }: ChoiceProps): VNode => (
  <label class="sheet-option">
    <input type="radio" name={name} checked={isChosen} onChange={onChoose} />
    <span>{label}</span>
  </label>
);

/** The description that the edge wrote into the page. */
function AboutCopy(): VNode {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const parts = document.querySelectorAll("#about details > :not(summary)");
    box.current?.replaceChildren(...[...parts].map((part) => part.cloneNode(true)));
  }, []);
  return <div ref={box} class="about-copy" />;
}
