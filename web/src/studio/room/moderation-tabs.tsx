/** The desk's tabs: review queue, rules, people, log. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { formatCount } from "../../kit/number-text.ts";
import { AuditLogTab } from "./audit-log-tab.tsx";
import type { ModerationDesk } from "./moderation-desk.ts";
import { PeopleTab } from "./people-tab.tsx";
import { ReviewTab } from "./review-tab.tsx";
import { RulesTab } from "./rules-tab.tsx";

const MODERATION_TABS = ["review", "rules", "people", "log"] as const;
type ModerationTab = (typeof MODERATION_TABS)[number];

export function ModerationTabs({ desk }: { desk: ModerationDesk }): VNode {
  const [open, setOpen] = useState<ModerationTab>("review");
  const show = (tab: ModerationTab): void => {
    setOpen(tab);
    desk.refresh();
  };
  const waiting = desk.staff.held.length;
  const words: Readonly<Record<ModerationTab, string>> = {
    review: waiting === 0 ? "Review" : `Review (${formatCount(waiting)})`,
    rules: "Rules",
    people: "People",
    log: "Log",
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next =
      MODERATION_TABS[(MODERATION_TABS.indexOf(open) + step + MODERATION_TABS.length) % MODERATION_TABS.length];
    if (next === undefined) return;
    show(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div class="desk-side">
      <div class="tabs" role="tablist" aria-label="Moderation" onKeyDown={onKeyDown}>
        {MODERATION_TABS.map((tab) => (
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
        {open === "review" && <ReviewTab desk={desk} />}
        {open === "rules" && <RulesTab desk={desk} />}
        {open === "people" && <PeopleTab desk={desk} />}
        {open === "log" && <AuditLogTab desk={desk} />}
      </div>
    </div>
  );
}
