/** The studio section in which a host says what the stream is called and looks like. */
import type { VNode } from "preact";
import { useEffect, useReducer, useState } from "preact/hooks";
import { DETAILS_LIMITS } from "../../../../core/directory/details-limits.ts";
import type { StreamImageName } from "../../../../core/directory/stream-details.ts";
import { elementCode, iframeCode } from "../../../../core/embed/embed-code.ts";
import type { StreamName } from "../../../../core/kit/ids.ts";
import { CopyField } from "../../kit/copy-field.tsx";
import { DeskError, OperatorTokenForm, SelectField } from "../fields.tsx";
import { LinkRows, ScheduleRows } from "./detail-rows.tsx";
import { DetailsController } from "./details-controller.ts";
import type { DetailsDraft, StoredDetails } from "./details-draft.ts";

/** The section of one stream. */
export function DetailsPanel({ stream }: { stream: StreamName }): VNode {
  const [, redraw] = useReducer((drawn: number) => drawn + 1, 0);
  const [desk] = useState(() => new DetailsController(stream, () => redraw(null)));
  useEffect(() => void desk.start(), [desk]);
  const { stored, mayWrite } = desk;
  return (
    <section class="panel" aria-labelledby="details">
      <h2 id="details">Details</h2>
      <div class="details-panel">
        {!mayWrite && (
          <OperatorTokenForm
            about="Enter the operator’s or a host’s token to set title, description and pictures."
            label="Token for details"
            placeholder="Operator’s or host’s token"
            desk={desk}
          />
        )}
        {mayWrite && stored !== null && <DetailsForm desk={desk} stored={stored} />}
        <p class="details-said" role="status">
          {desk.savedText}
        </p>
        <DeskError text={desk.errorText} />
      </div>
    </section>
  );
}

const LISTED_OPTIONS = [
  ["policy", "if everybody may watch it"],
  ["always", "always"],
  ["never", "never"],
] as const;
const EMBED_OPTIONS = [
  ["policy", "on every site if everybody may watch, else on none"],
  ["listed", "on these sites only"],
] as const;

/** The form begins with what the edge had when it was drawn first. */
function DetailsForm({ desk, stored }: { desk: DetailsController; stored: StoredDetails }): VNode {
  const [draft, setDraft] = useState(stored.draft);
  const change = (changed: Partial<DetailsDraft>): void => setDraft((before) => ({ ...before, ...changed }));
  return (
    <form
      class="details-form"
      onSubmit={(event) => {
        event.preventDefault();
        void desk.save(draft);
      }}
    >
      <ImageField desk={desk} name="poster" label="Poster" stored={stored} />
      <ImageField desk={desk} name="avatar" label="Host’s picture" stored={stored} />
      <TextField
        label="Title"
        max={DETAILS_LIMITS.titleChars}
        value={draft.title}
        onText={(title) => change({ title })}
      />
      <TextField
        label="Host’s name"
        max={DETAILS_LIMITS.hostChars}
        value={draft.host}
        onText={(host) => change({ host })}
      />
      <label class="details-wide">
        Description, at most {DETAILS_LIMITS.descriptionChars} characters
        <textarea
          rows={4}
          dir="auto"
          value={draft.description}
          onInput={(event) => change({ description: event.currentTarget.value })}
        />
      </label>
      <TextField label="Tags, separated by commas" value={draft.tags} onText={(tags) => change({ tags })} />
      <TextField
        label="Language, like de or pt-BR"
        max={DETAILS_LIMITS.languageChars}
        value={draft.language}
        onText={(language) => change({ language })}
      />
      <LinkRows rows={draft.links} onChange={(links) => change({ links })} />
      <ScheduleRows rows={draft.schedule} onChange={(schedule) => change({ schedule })} />
      <SelectField
        label="Listed on the start page"
        value={draft.listed}
        options={LISTED_OPTIONS}
        onSelect={(listed) => change({ listed: listed as DetailsDraft["listed"] })}
      />
      <SelectField
        label="Embedded player"
        value={draft.embeds}
        options={EMBED_OPTIONS}
        onSelect={(embeds) => change({ embeds: embeds as DetailsDraft["embeds"] })}
      />
      {draft.embeds === "listed" && (
        <label class="details-wide">
          Sites that may embed it, one a line, at most {DETAILS_LIMITS.embedOrigins}
          <textarea
            rows={3}
            spellcheck={false}
            placeholder="https://blog.example"
            value={draft.embedOrigins}
            onInput={(event) => change({ embedOrigins: event.currentTarget.value })}
          />
        </label>
      )}
      <div class="details-wide">
        <CopyField
          id="embed-frame"
          label="Code of the player for another page"
          text={iframeCode(location.origin, desk.stream, draft.title || desk.stream)}
        />
        <CopyField
          id="embed-element"
          label="The same as a web component"
          text={elementCode(location.origin, desk.stream)}
          isLong
        />
      </div>
      <div class="details-wide">
        <button type="submit" class="plain-button good" disabled={desk.isBusy}>
          Save details
        </button>
      </div>
    </form>
  );
}

/** `max` counts characters; the field itself would count UTF-16 units, so the edge tells. */
function TextField(props: { label: string; max?: number; value: string; onText: (text: string) => void }): VNode {
  return (
    <label>
      {props.label}
      {props.max !== undefined && <span class="sr">, at most {props.max} characters</span>}
      <input dir="auto" value={props.value} onInput={(event) => props.onText(event.currentTarget.value)} />
    </label>
  );
}

interface ImageFieldProps {
  readonly desk: DetailsController;
  readonly name: StreamImageName;
  readonly label: string;
  readonly stored: StoredDetails;
}

function ImageField({ desk, name, label, stored }: ImageFieldProps): VNode {
  const { path, isGenerated } = stored[name];
  return (
    <div class={`details-image details-${name}`}>
      <img src={path} alt={isGenerated ? `${label}: generated` : `${label}: uploaded`} />
      <label>
        {label}
        <input
          type="file"
          accept="image/png,image/jpeg,image/webp,image/avif"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file !== undefined) void desk.setImage(name, file);
          }}
        />
      </label>
      {!isGenerated && (
        <button type="button" class="plain-button" onClick={() => void desk.setImage(name, null)}>
          Remove
        </button>
      )}
    </div>
  );
}
