/** A row of tabs as WAI-ARIA describes it: the arrow keys go from one to the next. */
import type { VNode } from "preact";

interface TabListProps<Tab extends string> {
  /** What the tabs are of. */
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly open: Tab;
  /** Texts of the tabs. */
  readonly words: Readonly<Record<Tab, string>>;
  /** A tab's id is this, a hyphen and its name; the open panel's ends with `-open`, or is that of `panelId`. */
  readonly idPrefix: string;
  readonly panelId?: (tab: Tab) => string;
  readonly onOpen: (tab: Tab) => void;
}

export function TabList<Tab extends string>(props: TabListProps<Tab>): VNode {
  const { label, tabs, open, words, idPrefix, panelId = () => `${idPrefix}-open`, onOpen } = props;
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = tabs[(tabs.indexOf(open) + step + tabs.length) % tabs.length];
    if (next === undefined) return;
    onOpen(next);
    document.getElementById(`${idPrefix}-${next}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
      {tabs.map((tab) => (
        <button
          key={tab}
          id={`${idPrefix}-${tab}`}
          type="button"
          role="tab"
          aria-selected={tab === open}
          aria-controls={panelId(tab)}
          tabIndex={tab === open ? 0 : -1}
          onClick={() => onOpen(tab)}
        >
          {words[tab]}
        </button>
      ))}
    </div>
  );
}
