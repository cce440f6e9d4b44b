/** The studio section that stops a stream, with a confirmation, and starts it again. */
import type { VNode } from "preact";
import { useEffect, useReducer, useState } from "preact/hooks";
import { STOP_CATEGORIES, STOP_LIMITS, type StopCategory } from "../../../../core/access/stream-stop.ts";
import type { Clock } from "../../../../core/kit/clock.ts";
import { DeskError, OperatorTokenForm, SelectField, TextField } from "../fields.tsx";
import { StopController } from "./stop-controller.ts";
import { describeStopEntry, formatMoment, STOP_CATEGORY_LABELS, type StopReport } from "./stop-report.ts";

/** Durations of a stop, hours; 0: until it is lifted. */
const STOP_DURATIONS_H: readonly (readonly [hours: number, words: string])[] = [
  [0, "until it is undone"],
  [1, "for an hour"],
  [24, "for a day"],
  [168, "for a week"],
];
const RECORDS_SHOWN = 10;

/** The stop section of one stream. `reason`: of the stop in the stream's status, which may come from another operator. */
export function StopPanel(props: { stream: string; clock: Clock; reason: string | null }): VNode {
  const { stream, clock, reason } = props;
  const [, redraw] = useReducer((drawn: number) => drawn + 1, 0);
  const [desk] = useState(() => new StopController(stream, () => redraw(null)));
  useEffect(() => void desk.start(), [desk]);
  useEffect(() => void desk.refresh(), [desk, reason]);
  const { report } = desk;
  return (
    <section class="panel" aria-labelledby="stopping">
      <h2 id="stopping">Stop</h2>
      <div class="stop-panel">
        {report === null ? (
          <OperatorTokenForm {...TOKEN_FORM} desk={desk} />
        ) : report.stop === null ? (
          <StopForm desk={desk} clock={clock} />
        ) : (
          <ActiveStopNotice desk={desk} report={report} />
        )}
        <DeskError text={desk.errorText} />
        {report !== null && (
          <details class="stop-operator">
            <summary>Use the operator’s token</summary>
            <OperatorTokenForm {...TOKEN_FORM} desk={desk} />
          </details>
        )}
        {report !== null && report.records.length > 0 && (
          <ul class="stop-records" aria-label="Stop history">
            {report.records.slice(0, RECORDS_SHOWN).map((record) => (
              <li key={record.at}>{describeStopEntry(record)}</li>
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}

/** What the form for the token says. */
const TOKEN_FORM = {
  about: "Enter the operator’s or a host’s token.",
  label: "Operator’s token",
  placeholder: "Operator’s token",
} as const;

function StopForm({ desk, clock }: { desk: StopController; clock: Clock }): VNode {
  const [isConfirming, setConfirming] = useState(false);
  const [category, setCategory] = useState<StopCategory>("rules");
  const [reason, setReason] = useState("");
  const [hours, setHours] = useState(0);
  if (!isConfirming) {
    return (
      <div class="inline-form">
        <p>Playback, recordings and chat end for everyone within a second, and no stream key can publish.</p>
        <button type="button" class="plain-button bad" onClick={() => setConfirming(true)}>
          Stop this stream…
        </button>
      </div>
    );
  }
  return (
    <form
      class="fields stop-form"
      onSubmit={(event) => {
        event.preventDefault();
        const until = hours === 0 ? null : new Date(clock.nowMs() + hours * 3_600_000).toISOString();
        void desk.stop({ category, reason: reason.trim(), until });
      }}
    >
      <SelectField
        label="Category"
        value={category}
        options={STOP_CATEGORIES.map((each) => [each, STOP_CATEGORY_LABELS[each]])}
        onSelect={(value) => setCategory(value as StopCategory)}
      />
      <SelectField
        label="Duration"
        value={hours}
        options={STOP_DURATIONS_H}
        onSelect={(value) => setHours(Number(value))}
      />
      <TextField
        class="stop-reason"
        label="Message to viewers"
        value={reason}
        maxLength={STOP_LIMITS.reasonChars}
        placeholder="Shown on the watch page"
        onText={setReason}
      />
      <div class="stop-buttons">
        <button type="submit" class="plain-button bad" disabled={reason.trim() === "" || desk.isBusy}>
          Stop now
        </button>
        <button type="button" class="plain-button" onClick={() => setConfirming(false)}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function ActiveStopNotice({ desk, report: { stop } }: { desk: StopController; report: StopReport }): VNode | null {
  const [isConfirming, setConfirming] = useState(false);
  if (stop === null) return null;
  const end = stop.until === null ? "until it is undone" : `until ${formatMoment(stop.until)}`;
  return (
    <div class="inline-form">
      <p>
        <strong>Stopped by {stop.authority === "host" ? "a host" : "the operator"}</strong>, {end} (
        {STOP_CATEGORY_LABELS[stop.category]}): {stop.reason}
      </p>
      {isConfirming ? (
        <>
          <button type="button" class="plain-button good" disabled={desk.isBusy} onClick={() => void desk.liftStop()}>
            Yes, start it again
          </button>
          <button type="button" class="plain-button" onClick={() => setConfirming(false)}>
            Cancel
          </button>
        </>
      ) : (
        <button type="button" class="plain-button" onClick={() => setConfirming(true)}>
          Start it again…
        </button>
      )}
    </div>
  );
}
