/** The sheets of the watch page, of which one at most is open. */
import type { VNode } from "preact";
import type { Clock } from "../../../core/kit/clock.ts";
import { pageReportLink } from "../kit/report-link.ts";
import type { DelayWish } from "../player/delay-choice.ts";
import type { DelayReading } from "../player/delay-switch.ts";
import type { RenditionList } from "../player/renditions.ts";
import { MoreSheet } from "./more-sheet.tsx";
import { PastSheet } from "./past-sheet.tsx";
import { ShareSheet, type ShownRecording } from "./share-sheet.tsx";
import { ShortcutSheet } from "./shortcut-sheet.tsx";

/** The name of a sheet. */
export type SheetName = "more" | "share" | "past" | "keys";

interface PageSheetsProps {
  readonly open: SheetName | null;
  readonly onClose: () => void;
  readonly stream: string;
  readonly title: string;
  readonly renditions: RenditionList | null;
  readonly delays: DelayReading | null;
  readonly onDelay: (wish: DelayWish) => void;
  /** The recording on screen, and where it is, seconds; null while live. */
  readonly recording: ShownRecording | null;
  /** The broadcast on screen; null: none, or not known yet. */
  readonly shownBroadcast: string | null;
  readonly clock: Clock;
  readonly tools: readonly (readonly [name: string, run: () => void])[];
}

export function PageSheets(props: PageSheetsProps): VNode | null {
  const { open, onClose, stream, title, renditions, delays, onDelay, recording, shownBroadcast, clock, tools } = props;
  switch (open) {
    case null:
      return null;
    case "more":
      return (
        <MoreSheet
          renditions={renditions}
          delays={delays}
          onDelay={onDelay}
          tools={tools.map(([name, run]) => ({
            name,
            onClick: () => {
              onClose();
              run();
            },
          }))}
          reportLink={pageReportLink(null)}
          onClose={onClose}
        />
      );
    case "share":
      return <ShareSheet stream={stream} title={title} recording={recording} onClose={onClose} />;
    case "past":
      return <PastSheet stream={stream} shownBroadcast={shownBroadcast} clock={clock} onClose={onClose} />;
    case "keys":
      return <ShortcutSheet onClose={onClose} />;
  }
}
