/** A sheet over the page: at a phone's foot, in the middle of a wide window. */
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { CloseIcon } from "../kit/icons.tsx";

interface SheetProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** A modal dialog: the browser keeps the focus in it and gives it back. */
export function Sheet({ title, onClose, children }: SheetProps): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="sheet"
      aria-label={title}
      onClose={onClose}
      // The dialog's own box is filled by its content: what is hit beside that is the ground behind it.
      onClick={({ target }) => target === dialog.current && dialog.current?.close()}
      // Keys of the page act on what is behind the dialog.
      onKeyDown={(event) => event.stopPropagation()}
    >
      <div class="sheet-content">
        <header>
          <h2>{title}</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={() => dialog.current?.close()}>
            <CloseIcon />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
