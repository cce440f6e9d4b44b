/** Rows of the details' form: links and announced broadcasts. */
import type { ComponentChildren, VNode } from "preact";
import { DETAILS_LIMITS } from "../../../../core/directory/details-limits.ts";
import type { StreamLink } from "../../../../core/directory/stream-details.ts";
import type { ScheduleRow } from "./details-draft.ts";

interface RowsProps<Row> {
  readonly rows: readonly Row[];
  readonly onChange: (rows: readonly Row[]) => void;
}

/** The links. */
export function LinkRows({ rows, onChange }: RowsProps<StreamLink>): VNode {
  const add = (): void => onChange([...rows, { label: "", url: "" }]);
  return (
    <EditedRows legend="Links" add="Add a link" isFull={rows.length >= DETAILS_LIMITS.links} onAdd={add}>
      {rows.map((row, at) => (
        <div class="details-row" key={at}>
          <input
            aria-label={`Text of link ${at + 1}`}
            placeholder="Text"
            dir="auto"
            value={row.label}
            onInput={(event) => onChange(rows.with(at, { ...row, label: event.currentTarget.value }))}
          />
          <input
            aria-label={`Address of link ${at + 1}`}
            placeholder="https://"
            inputMode="url"
            value={row.url}
            onInput={(event) => onChange(rows.with(at, { ...row, url: event.currentTarget.value }))}
          />
          <RemoveButton label={`Remove link ${at + 1}`} onRemove={() => onChange(rows.toSpliced(at, 1))} />
        </div>
      ))}
    </EditedRows>
  );
}

/** The announced broadcasts. */
export function ScheduleRows({ rows, onChange }: RowsProps<ScheduleRow>): VNode {
  const add = (): void => onChange([...rows, { localTime: "", title: "" }]);
  return (
    <EditedRows
      legend="Announced broadcasts"
      add="Announce a broadcast"
      isFull={rows.length >= DETAILS_LIMITS.schedule}
      onAdd={add}
    >
      {rows.map((row, at) => (
        <div class="details-row" key={at}>
          <input
            type="datetime-local"
            aria-label={`Start of broadcast ${at + 1}`}
            value={row.localTime}
            onInput={(event) => onChange(rows.with(at, { ...row, localTime: event.currentTarget.value }))}
          />
          <input
            aria-label={`Title of broadcast ${at + 1}`}
            placeholder="Title, if it has its own"
            dir="auto"
            value={row.title}
            onInput={(event) => onChange(rows.with(at, { ...row, title: event.currentTarget.value }))}
          />
          <RemoveButton label={`Remove broadcast ${at + 1}`} onRemove={() => onChange(rows.toSpliced(at, 1))} />
        </div>
      ))}
    </EditedRows>
  );
}

interface EditedRowsProps {
  readonly legend: string;
  readonly add: string;
  readonly isFull: boolean;
  readonly onAdd: () => void;
  readonly children: ComponentChildren;
}

function EditedRows({ legend, add, isFull, onAdd, children }: EditedRowsProps): VNode {
  return (
    <fieldset class="details-wide details-rows">
      <legend>{legend}</legend>
      {children}
      <button type="button" class="plain-button" disabled={isFull} onClick={onAdd}>
        {add}
      </button>
    </fieldset>
  );
}

function RemoveButton({ label, onRemove }: { label: string; onRemove: () => void }): VNode {
  return (
    <button type="button" class="plain-button" aria-label={label} onClick={onRemove}>
      Remove
    </button>
  );
}
