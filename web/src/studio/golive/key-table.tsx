/** The stream's keys with their actions, and the form for another one. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { STREAM_KEY_LIMITS, type StreamKeyRole, type StreamKeyState } from "../../../../core/access/stream-key.ts";
import { SelectField, TextField } from "../fields.tsx";
import type { GoLiveController } from "./go-live-controller.ts";
import type { ListedKey } from "./stream-keys.ts";

const STATE_LABELS: Readonly<Record<StreamKeyState, string>> = {
  usable: "Usable",
  expired: "Expired",
  "used-up": "Used up",
  revoked: "Revoked",
};
const ROLE_LABELS: Readonly<Record<StreamKeyRole, string>> = { primary: "Primary", backup: "Backup" };

/** The keys that can be used, and a form for another one. Ended keys are counted. */
export function KeyTable({ desk }: { desk: GoLiveController }): VNode {
  const keys = desk.keys ?? [];
  const usable = keys.filter(({ state }) => state === "usable");
  const ended = keys.length - usable.length;
  return (
    <div class="key-table">
      <h3 id="keys">Stream keys</h3>
      {usable.length === 0 ? (
        <p class="golive-more">No key can be used.</p>
      ) : (
        <ul class="cards" aria-labelledby="keys">
          {usable.map((each) => (
            <KeyRow key={each.id} desk={desk} of={each} />
          ))}
        </ul>
      )}
      {ended > 0 && <p class="golive-more">{ended === 1 ? "1 key" : `${ended} keys`} revoked, expired or used up.</p>}
      <NewKeyForm desk={desk} />
    </div>
  );
}

type KeyAction = "rotate" | "revoke";

const ACTIONS: Readonly<Record<KeyAction, { button: string; confirm: string; effect: string }>> = {
  rotate: {
    button: "Rotate",
    confirm: "Yes, rotate",
    effect: "A new key is shown once. This one works for another hour.",
  },
  revoke: {
    button: "Revoke",
    confirm: "Yes, revoke",
    effect: "The encoder that uses this key is cut within a second.",
  },
};

function KeyRow({ desk, of }: { desk: GoLiveController; of: ListedKey }): VNode {
  const [asking, setAsking] = useState<KeyAction | null>(null);
  const { id, label, role } = of;
  const name = label === "" ? id : label;
  const act = (): void => {
    if (asking === "rotate") void desk.rotateKey(id);
    if (asking === "revoke") void desk.revokeKey(id);
    setAsking(null);
  };
  return (
    <li class="card-row">
      <div>
        <p>
          <strong>{name}</strong> {desk.issued?.id === id && <span class="badge">NEW</span>}
        </p>
        <p class="card-more">{describeKeyInfo(of)}</p>
        {asking !== null && <p>{ACTIONS[asking].effect}</p>}
      </div>
      {asking === null ? (
        <>
          <button type="button" class="plain-button" disabled={desk.isBusy} onClick={() => setAsking("rotate")}>
            Rotate…
            <span class="sr">
              {" "}
              {ROLE_LABELS[role]} key {name}
            </span>
          </button>
          <button type="button" class="plain-button" disabled={desk.isBusy} onClick={() => setAsking("revoke")}>
            Revoke…
            <span class="sr">
              {" "}
              {ROLE_LABELS[role]} key {name}
            </span>
          </button>
        </>
      ) : (
        <>
          <button type="button" class={`plain-button ${asking === "revoke" ? "bad" : "good"}`} onClick={act}>
            {ACTIONS[asking].confirm}
          </button>
          <button type="button" class="plain-button" onClick={() => setAsking(null)}>
            Cancel
          </button>
        </>
      )}
    </li>
  );
}

function describeKeyInfo({ id, role, state, lastUsedAt, expiresAt, usesLeft }: ListedKey): string {
  const moment = (iso: string): string => new Date(iso).toLocaleString();
  return [
    ROLE_LABELS[role],
    id,
    state === "usable" ? null : STATE_LABELS[state],
    lastUsedAt === null ? "never used" : `last used ${moment(lastUsedAt)}`,
    expiresAt === null ? null : `expires ${moment(expiresAt)}`,
    usesLeft === null ? null : `${usesLeft} ${usesLeft === 1 ? "use" : "uses"} left`,
  ]
    .filter((each) => each !== null)
    .join(" · ");
}

function NewKeyForm({ desk }: { desk: GoLiveController }): VNode {
  const [label, setLabel] = useState("");
  const [role, setRole] = useState<StreamKeyRole>("primary");
  return (
    <form
      class="fields new-key"
      onSubmit={(event) => {
        event.preventDefault();
        void desk.createKey(label.trim(), role);
        setLabel("");
      }}
    >
      <TextField
        label="Label"
        value={label}
        maxLength={STREAM_KEY_LIMITS.labelChars}
        placeholder="OBS at home"
        onText={setLabel}
      />
      <SelectField
        label="Role"
        value={role}
        options={[
          ["primary", ROLE_LABELS.primary],
          ["backup", ROLE_LABELS.backup],
        ]}
        onSelect={(value) => setRole(value === "backup" ? "backup" : "primary")}
      />
      <button type="submit" class="plain-button good" disabled={desk.isBusy}>
        New key
      </button>
    </form>
  );
}
