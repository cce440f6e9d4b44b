/** The studio section "Go live": what to paste into an encoder, and the stream's keys. */
import type { VNode } from "preact";
import { useEffect, useReducer, useState } from "preact/hooks";
import type { StreamName } from "../../../../core/kit/ids.ts";
import { DeskError, OperatorTokenForm } from "../fields.tsx";
import { EncoderTabs } from "./encoder-tabs.tsx";
import { GoLiveController } from "./go-live-controller.ts";
import { KeyTable } from "./key-table.tsx";

/** The section of one stream, for its hosts and the operator. */
export function GoLivePanel({ stream }: { stream: StreamName }): VNode {
  const [, redraw] = useReducer((drawn: number) => drawn + 1, 0);
  const [desk] = useState(() => new GoLiveController(stream, () => redraw(null)));
  useEffect(() => void desk.start(), [desk]);
  const { addresses, keys, issued } = desk;
  return (
    <section class="panel" aria-labelledby="golive">
      <h2 id="golive">Go live</h2>
      <div class="golive">
        <p class="golive-browser">
          <a class="plain-button app-link" href={`/golive/${stream}${issued === null ? "" : `#key=${issued.key}`}`}>
            Go live from this browser
          </a>
        </p>
        {addresses === null || keys === null ? (
          <OperatorTokenForm
            about="Enter the operator’s or a host’s token to see what to paste into an encoder."
            label="Token for going live"
            placeholder="Operator’s or host’s token"
            desk={desk}
          />
        ) : (
          <div class="golive-columns">
            <EncoderTabs stream={stream} addresses={addresses} issued={issued} />
            <KeyTable desk={desk} />
          </div>
        )}
        <p class="golive-said" role="status">
          {issued === null ? "" : `The new key ${issued.label || issued.id} is shown here until the page is left.`}
        </p>
        <DeskError text={desk.errorText} />
      </div>
    </section>
  );
}
