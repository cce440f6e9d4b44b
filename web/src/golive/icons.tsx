/** The page's own icons. */
import type { VNode } from "preact";
import { Icon } from "../kit/icons.tsx";

export const CameraIcon = (): VNode => (
  <Icon>
    <path d="M5 6.5h8A2.5 2.5 0 0 1 15.5 9v6a2.5 2.5 0 0 1-2.5 2.5H5A2.5 2.5 0 0 1 2.5 15V9A2.5 2.5 0 0 1 5 6.5zM15.5 11l6-3.5v9l-6-3.5" />
  </Icon>
);

export const ScreenIcon = (): VNode => (
  <Icon>
    <path d="M4.5 4.5h15a2 2 0 0 1 2 2V15a2 2 0 0 1-2 2h-15a2 2 0 0 1-2-2V6.5a2 2 0 0 1 2-2zM8 20.5h8M12 17v3.5" />
  </Icon>
);

export const MicrophoneIcon = (): VNode => (
  <Icon>
    <rect x="9" y="2.5" width="6" height="11.5" rx="3" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3.5" />
  </Icon>
);

export const MutedIcon = (): VNode => (
  <Icon>
    <path d="M9 9v2a3 3 0 0 0 4.5 2.6M15 11V5.500a3 3 0 0 0-5.6-1.5" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 10.5 5.1M18.5 11.5v.5M12 18v3.5M3.5 3.500l17 17" />
  </Icon>
);
