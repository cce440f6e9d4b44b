/** The desk's tabs: review queue, refused messages, rules, people, log. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { formatCount } from "../../kit/number-text.ts";
import { TabList } from "../tab-list.tsx";
import { AuditLogTab } from "./audit-log-tab.tsx";
import { DeniedTab } from "./denied-tab.tsx";
import type { ModerationDesk } from "./moderation-desk.ts";
import { PeopleTab } from "./people-tab.tsx";
import { ReviewTab } from "./review-tab.tsx";
import { RulesTab } from "./rules-tab.tsx";

const MODERATION_TABS = ["review", "denied", "rules", "people", "log"] as const;
type ModerationTab = (typeof MODERATION_TABS)[number];

export function ModerationTabs({ desk }: { desk: ModerationDesk }): VNode {
  const [open, setOpen] = useState<ModerationTab>("review");
  const show = (tab: ModerationTab): void => {
    setOpen(tab);
    desk.refresh();
  };
  const waiting = desk.staff.held.length;
  const refused = desk.staff.denied?.length ?? 0;
  const words: Readonly<Record<ModerationTab, string>> = {
    review: waiting === 0 ? "Review" : `Review (${formatCount(waiting)})`,
    denied: refused === 0 ? "Refused" : `Refused (${formatCount(refused)})`,
    rules: "Rules",
    people: "People",
    log: "Log",
  };
  return (
    <div class="desk-side">
      <TabList label="Moderation" tabs={MODERATION_TABS} open={open} words={words} idPrefix="tab" onOpen={show} />
      <div id="tab-open" class="tab" role="tabpanel" aria-labelledby={`tab-${open}`}>
        {open === "review" && <ReviewTab desk={desk} />}
        {open === "denied" && <DeniedTab desk={desk} />}
        {open === "rules" && <RulesTab desk={desk} />}
        {open === "people" && <PeopleTab desk={desk} />}
        {open === "log" && <AuditLogTab desk={desk} />}
      </div>
    </div>
  );
}
