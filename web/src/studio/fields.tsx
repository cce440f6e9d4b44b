/** Labelled form fields. */
import type { ComponentChildren, VNode } from "preact";
import { useState } from "preact/hooks";

interface SelectFieldProps {
  readonly label: ComponentChildren;
  readonly value: string | number;
  readonly options: readonly (readonly [value: string | number, text: string])[];
  readonly onSelect: (value: string) => void;
  readonly class?: string;
}

/** A choice of one of the options. */
export function SelectField({ label, value, options, onSelect, class: name }: SelectFieldProps): VNode {
  return (
    <label class={name}>
      {label}
      <select value={value} onChange={(event) => onSelect(event.currentTarget.value)}>
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

interface TextFormProps {
  readonly class: string;
  /** What the form is for, in front of the field. */
  readonly about?: string;
  /** The field's name for screen readers. */
  readonly label: string;
  readonly placeholder: string;
  readonly button: string;
  readonly isSecret?: boolean;
  readonly isBusy?: boolean;
  readonly maxLength?: number;
  /** Gets the text without surrounding white space, never an empty one. Returns whether the field is emptied. */
  readonly submit: (text: string) => boolean;
}

/** A form of one text field and its button. */
export function TextForm(props: TextFormProps): VNode {
  const [text, setText] = useState("");
  const trimmed = text.trim();
  const type = props.isSecret ? ({ type: "password" } as const) : ({ type: "text" } as const);
  return (
    <form
      class={props.class}
      onSubmit={(event) => {
        event.preventDefault();
        if (trimmed !== "" && props.submit(trimmed)) setText("");
      }}
    >
      {props.about !== undefined && <p>{props.about}</p>}
      <label>
        <span class="sr">{props.label}</span>
        <input
          {...type}
          value={text}
          maxLength={props.maxLength}
          autocomplete="off"
          placeholder={props.placeholder}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="plain-button" disabled={trimmed === "" || props.isBusy === true}>
        {props.button}
      </button>
    </form>
  );
}
