/** The chat's line icons, inline, so that they need no requests. */
import type { VNode } from "preact";
import { Icon } from "../kit/icons.tsx";

export const HeartIcon = (): VNode => (
  <Icon filled>
    <path d="M12 20s-7.5-4.6-7.5-10A4.3 4.3 0 0 1 12 7.2 4.3 4.3 0 0 1 19.5 10c0 5.4-7.5 10-7.5 10z" />
  </Icon>
);

export const SendIcon = (): VNode => (
  <Icon>
    <path d="M4 12l16-8-5 16-3.5-6.5zM11.5 13.5L20 4" />
  </Icon>
);

export const ReplyIcon = (): VNode => (
  <Icon>
    <path d="M9 7l-5 5 5 5M4 12h9c4 0 6 2 7 6" />
  </Icon>
);

export const PinIcon = (): VNode => (
  <Icon>
    <path d="M9 4h6l-1 6 3 3v2H7v-2l3-3zM12 15v5" />
  </Icon>
);

export const DownIcon = (): VNode => (
  <Icon>
    <path d="M12 5v14M6 13l6 6 6-6" />
  </Icon>
);

export const ClockIcon = (): VNode => (
  <Icon>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M12 7.5V12l3 2" />
  </Icon>
);

/** A pane that is pushed away. The × is the page's own, and stands beside this one. */
export const HideIcon = (): VNode => (
  <Icon>
    <path d="M5 6l6 6-6 6M12 6l6 6-6 6M20.5 5v14" />
  </Icon>
);

export const PersonIcon = (): VNode => (
  <Icon>
    <circle cx="12" cy="8" r="4" />
    <path d="M4.5 20c.7-4 3.5-6 7.5-6s6.8 2 7.5 6" />
  </Icon>
);

/** Lines with a time before each. */
export const TimesIcon = (): VNode => (
  <Icon>
    <path d="M4 6h2M10 6h10M4 12h2M10 12h10M4 18h2M10 18h7" />
  </Icon>
);
