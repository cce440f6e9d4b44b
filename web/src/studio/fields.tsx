/** Labelled form fields. What the user chose is shown until the handler has ended, whatever is rendered meanwhile. */
import type { ComponentChildren, VNode } from "preact";
import { useState } from "preact/hooks";

interface SelectFieldProps {
  readonly label: ComponentChildren;
  readonly value: string | number;
  readonly options: readonly (readonly [value: string | number, text: string])[];
  /** Gets the chosen option; `value` is shown again when it has ended. */
  readonly onSelect: (value: string) => void | Promise<void>;
  readonly class?: string;
}

/** A choice of one of the options. */
export function SelectField({ label, value, options, onSelect, class: name }: SelectFieldProps): VNode {
  const [shown, choose] = useChoice<string | number, string>(value, onSelect);
  return (
    <label class={name}>
      {label}
      <select value={shown} onChange={(event) => choose(event.currentTarget.value)}>
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

interface CheckboxFieldProps {
  readonly label: string;
  readonly checked: boolean;
  /** Gets the choice; `checked` is shown again when it has ended. */
  readonly onToggle: (checked: boolean) => void | Promise<void>;
  readonly class?: string;
}

/** A choice of yes or no. */
export function CheckboxField({ label, checked, onToggle, class: name }: CheckboxFieldProps): VNode {
  const [shown, choose] = useChoice<boolean, boolean>(checked, onToggle);
  return (
    <label class={name}>
      {label}
      <input type="checkbox" checked={shown} onChange={(event) => choose(event.currentTarget.checked)} />
    </label>
  );
}

/** The value to show, which is the latest choice until its `submit` has ended and `stored` otherwise, and the setter. */
function useChoice<Value, Choice extends Value>(
  stored: Value,
  submit: (choice: Choice) => void | Promise<void>,
): readonly [Value, (choice: Choice) => void] {
  const [pending, setPending] = useState<{ readonly choice: Choice } | null>(null);
  const choose = (choice: Choice): void => {
    const mine = { choice };
    setPending(mine);
    void Promise.resolve(submit(choice)).finally(() => setPending((latest) => (latest === mine ? null : latest)));
  };
  return [pending === null ? stored : pending.choice, choose];
}

interface TextFieldProps {
  readonly label: string;
  /** Whether the label is for screen readers only. */
  readonly isLabelHidden?: boolean;
  readonly isSecret?: boolean | undefined;
  readonly class?: string;
  readonly value: string;
  readonly maxLength?: number | undefined;
  readonly placeholder: string;
  readonly onText: (text: string) => void;
}

/** One line of text and its label. */
export function TextField(props: TextFieldProps): VNode {
  const { label, maxLength } = props;
  const type = props.isSecret ? ({ type: "password" } as const) : ({ type: "text" } as const);
  return (
    <label class={props.class}>
      {props.isLabelHidden ? <span class="sr">{label}</span> : label}
      <input
        {...type}
        value={props.value}
        placeholder={props.placeholder}
        maxLength={maxLength}
        autocomplete="off"
        onInput={(event) => props.onText(event.currentTarget.value)}
      />
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
  return (
    <form
      class={props.class}
      onSubmit={(event) => {
        event.preventDefault();
        if (trimmed !== "" && props.submit(trimmed)) setText("");
      }}
    >
      {props.about !== undefined && <p>{props.about}</p>}
      <TextField
        label={props.label}
        isLabelHidden
        isSecret={props.isSecret}
        value={text}
        maxLength={props.maxLength}
        placeholder={props.placeholder}
        onText={setText}
      />
      <button type="submit" class="plain-button" disabled={trimmed === "" || props.isBusy === true}>
        {props.button}
      </button>
    </form>
  );
}

/** Why what was asked for last has failed; nothing for null. */
export function DeskError({ text }: { text: string | null }): VNode {
  return (
    <p class="desk-said bad" role="alert" hidden={text === null}>
      {text}
    </p>
  );
}

interface TokenFieldProps {
  readonly about: string;
  readonly label: string;
  readonly placeholder: string;
  readonly desk: { readonly isBusy: boolean; readonly useToken: (token: string) => Promise<void> };
}

/** The form for a token of a host or the operator; the token stays in the field until it is accepted. */
export function OperatorTokenForm({ desk, ...texts }: TokenFieldProps): VNode {
  const submit = (token: string): boolean => {
    void desk.useToken(token);
    return false;
  };
  return <TextForm class="inline-form" {...texts} button="Open" isSecret isBusy={desk.isBusy} submit={submit} />;
}
