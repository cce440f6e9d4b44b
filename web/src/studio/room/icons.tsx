/** The desk's line icons. */
import type { VNode } from "preact";
import { Icon } from "../../kit/icons.tsx";

export const TrashIcon = (): VNode => (
  <Icon>
    <path d="M4.5 7h15M9 7V4.5h6V7M6.5 7l1 12.5h9l1-12.5M10 11v5M14 11v5" />
  </Icon>
);

export const BanIcon = (): VNode => (
  <Icon>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M6 6l12 12" />
  </Icon>
);

export const SweepIcon = (): VNode => (
  <Icon>
    <path d="M4 6h16M4 12h10M4 18h7M16 15l5 5M21 15l-5 5" />
  </Icon>
);

export const ModeratorIcon = (): VNode => (
  <Icon>
    <path d="M12 3.5l7 2.5v5.5c0 4.5-3 7.5-7 9-4-1.5-7-4.5-7-9V6zM9 12l2.2 2.2L15 10" />
  </Icon>
);
