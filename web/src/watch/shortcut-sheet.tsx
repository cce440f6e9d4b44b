/** The sheet of the page's keys. */
import type { VNode } from "preact";
import { Sheet } from "./sheet.tsx";
import { SHORTCUTS } from "./shortcuts.ts";

export function ShortcutSheet({ onClose }: { onClose: () => void }): VNode {
  return (
    <Sheet title="Keyboard shortcuts" onClose={onClose}>
      <dl class="shortcuts">
        {SHORTCUTS.map(({ action, name, text }) => (
          <div key={action}>
            <dt>
              <kbd>{name}</kbd>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>1–9</kbd>
          </dt>
          <dd>Tenths of a recording</dd>
        </div>
      </dl>
    </Sheet>
  );
}
