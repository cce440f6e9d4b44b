/** A text to copy: a read-only field with a copy button, masked if it is secret. */
import type { VNode } from "preact";
import { useRef, useState } from "preact/hooks";

interface CopyFieldProps {
  readonly id: string;
  readonly label: string;
  readonly text: string;
  readonly isSecret?: boolean;
  /** A text of many lines. */
  readonly isLong?: boolean;
  /** The page's class of its buttons. */
  readonly buttonClass?: string;
}

/** Says what was copied, to screen readers too. */
export function CopyField({
  id,
  label,
  text,
  isSecret = false,
  isLong = false,
  buttonClass = "plain-button",
}: CopyFieldProps): VNode {
  const [isShown, setShown] = useState(!isSecret);
  const [said, setSaid] = useState("");
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied.");
    } catch {
      // Browsers give pages without TLS no clipboard.
      setShown(true);
      field.current?.select();
      setSaid("Copying is not allowed here: the text is selected.");
    }
  };
  return (
    <div class="copy-field">
      <label for={id}>{label}</label>
      <div class="copy-row">
        {isLong ? (
          <textarea id={id} ref={field} readOnly rows={6} spellcheck={false} value={text} />
        ) : (
          <input
            id={id}
            ref={field}
            {...(isShown ? ({ type: "text" } as const) : ({ type: "password" } as const))}
            readOnly
            autocomplete="off"
            spellcheck={false}
            value={text}
          />
        )}
        {isSecret && (
          <button type="button" class={buttonClass} aria-pressed={isShown} onClick={() => setShown(!isShown)}>
            {isShown ? "Hide" : "Show"}
            <span class="sr"> {label}</span>
          </button>
        )}
        <button type="button" class={buttonClass} onClick={() => void copy()}>
          Copy<span class="sr"> {label}</span>
        </button>
      </div>
      <p class="copy-said" role="status">
        {said}
      </p>
    </div>
  );
}
