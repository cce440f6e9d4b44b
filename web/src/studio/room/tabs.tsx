/** The desk's tabs: review queue, rules, people, log. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { compact } from "../../chat/words.ts";
import type { Desk } from "./desk.ts";
import { AuditLog } from "./log.tsx";
import { People } from "./people.tsx";
import { ReviewQueue } from "./review.tsx";
import { Rules } from "./rules.tsx";

const TABS = ["review", "rules", "people", "log"] as const;
type Tab = (typeof TABS)[number];

export function Tabs({ desk }: { desk: Desk }): VNode {
  const [open, setOpen] = useState<Tab>("review");
  const show = (tab: Tab): void => {
    setOpen(tab);
    desk.refresh();
  };
  const waiting = desk.staff.held.length;
  const words: Readonly<Record<Tab, string>> = {
    review: waiting === 0 ? "Review" : `Review (${compact(waiting)})`,
    rules: "Rules",
    people: "People",
    log: "Log",
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = TABS[(TABS.indexOf(open) + step + TABS.length) % TABS.length];
    if (next === undefined) return;
    show(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div class="desk-side">
      <div class="tabs" role="tablist" aria-label="Moderation" onKeyDown={onKeyDown}>
        {TABS.map((tab) => (
          <button
            key={tab}
            id={`tab-${tab}`}
            type="button"
            role="tab"
            aria-selected={tab === open}
            aria-controls="tab-open"
            tabIndex={tab === open ? 0 : -1}
            onClick={() => show(tab)}
          >
            {words[tab]}
          </button>
        ))}
      </div>
      <div id="tab-open" class="tab" role="tabpanel" aria-labelledby={`tab-${open}`}>
        {open === "review" && <ReviewQueue desk={desk} />}
        {open === "rules" && <Rules desk={desk} />}
        {open === "people" && <People desk={desk} />}
        {open === "log" && <AuditLog desk={desk} />}
      </div>
    </div>
  );
}
