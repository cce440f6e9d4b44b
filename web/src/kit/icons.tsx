/** Small line icons, inline, so that they need no requests. */
import type { ComponentChildren, VNode } from "preact";

/** The frame of an icon; `filled` ones are shapes, not lines. */
export function Icon({ filled = false, children }: { filled?: boolean; children: ComponentChildren }): VNode {
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      fill={filled ? "currentColor" : "none"}
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const PeopleIcon = (): VNode => (
  <Icon>
    <circle cx="9" cy="8" r="3.5" />
    <path d="M2.5 19.5c.6-3.6 3-5.5 6.5-5.5s5.9 1.9 6.5 5.5" />
    <path d="M16 5a3.3 3.3 0 0 1 0 6.2M18 14.5c2 .8 3.2 2.5 3.5 5" />
  </Icon>
);

export const CloseIcon = (): VNode => (
  <Icon>
    <path d="M6 6l12 12M18 6L6 18" />
  </Icon>
);

export const HistoryIcon = (): VNode => (
  <Icon>
    <path d="M4.5 8A8.5 8.5 0 1 1 3.5 12M4.5 3.5V8H9M12 7.5V12l3 2" />
  </Icon>
);

export const FlagIcon = (): VNode => (
  <Icon>
    <path d="M5 21V4.5c4-2 8 2 13 0v9.5c-5 2-9-2-13 0" />
  </Icon>
);

export const PlayIcon = (): VNode => (
  <svg class="icon" viewBox="0 0 24 24" fill="currentColor" aria-hidden="true">
    <path d="M8 5.5v13a1 1 0 0 0 1.5.87l11-6.5a1 1 0 0 0 0-1.74l-11-6.5A1 1 0 0 0 8 5.5z" />
  </svg>
);

export const SoundOffIcon = (): VNode => (
  <Icon>
    <path d="M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z" fill="currentColor" />
    <path d="M16 9.5l5 5M21 9.5l-5 5" />
  </Icon>
);

export const PulseIcon = (): VNode => (
  <Icon>
    <path d="M3 12h4l2.5-7 4.5 14 2.5-7H21" />
  </Icon>
);

export const BoltIcon = (): VNode => (
  <Icon>
    <path d="M13 2.5L4.5 13.5H11l-1 8 9-11.5h-6.5z" />
  </Icon>
);

export const GearIcon = (): VNode => (
  <Icon>
    <path d="M4 7h9M17 7h3M4 17h3M11 17h9" />
    <circle cx="15" cy="7" r="2" />
    <circle cx="9" cy="17" r="2" />
  </Icon>
);

export const ChatIcon = (): VNode => (
  <Icon>
    <path d="M4 5.5h16v11H10l-4 3.5v-3.5H4zM8 9.5h8M8 12.5h5" />
  </Icon>
);

export const ShareIcon = (): VNode => (
  <Icon>
    <path d="M13.5 5.5L20 11l-6.5 5.5V13C9 13 6 14.5 4 18c.3-5 3.5-8.5 9.5-9z" />
  </Icon>
);

export const MoreIcon = (): VNode => (
  <Icon filled>
    <circle cx="5" cy="12" r="1" />
    <circle cx="12" cy="12" r="1" />
    <circle cx="19" cy="12" r="1" />
  </Icon>
);

export const NextIcon = (): VNode => (
  <Icon>
    <path d="M5 6l7 6 7-6M5 13l7 6 7-6" />
  </Icon>
);

export const TheatreIcon = (): VNode => (
  <Icon>
    <path d="M3 6.5h18v11H3z" />
  </Icon>
);

export const KeyboardIcon = (): VNode => (
  <Icon>
    <path d="M3 6.5h18v11H3zM7 10h.1M10.5 10h.1M14 10h.1M17 10h.1M8 14h8" />
  </Icon>
);
