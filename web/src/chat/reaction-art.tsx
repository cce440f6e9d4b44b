/** The reactions as drawings: the emoji of a system may look different, or be missing. */
import type { VNode } from "preact";

const SKIN = "#ffd84d";
const INK = "#3b2500";

const face = (features: VNode): VNode => (
  <>
    <circle cx="12" cy="12" r="10" fill={SKIN} />
    {features}
  </>
);

/** What each reaction is called, and its drawing. */
const ART: Readonly<Record<string, { readonly name: string; readonly art: VNode }>> = {
  "❤️": {
    name: "love",
    art: <path d="M12 21S2.5 15.2 2.5 8.8A5 5 0 0 1 12 6.2a5 5 0 0 1 9.5 2.6C21.5 15.2 12 21 12 21z" fill="#ff2d55" />,
  },
  "👏": {
    name: "applause",
    art: (
      <>
        <path
          d="M4 4l2 2.5M10 2v3M17 3l-1.5 2.5"
          stroke="#ffb020"
          stroke-width="2"
          stroke-linecap="round"
          fill="none"
        />
        <path
          d="M6.5 21c-3-2.5-3.5-6-2-10.5.5-1.5 2.3-1 2.2.5l-.2 2.2 4-5.7c1-1.4 2.8-.2 1.9 1.2l3-2c1.4-.8 2.6.9 1.4 2l2-.6c1.5-.4 2.2 1.5.9 2.3l.3.1c1.4.2 1.5 2 .3 2.6C18 15 15 23.5 6.5 21z"
          fill={SKIN}
          stroke={INK}
          stroke-width="1.2"
          stroke-linejoin="round"
        />
        <path d="M10.5 14l3-4M12.5 16l3.5-3.5" stroke={INK} stroke-width="1.2" stroke-linecap="round" fill="none" />
      </>
    ),
  },
  "🔥": {
    name: "fire",
    art: (
      <>
        <path
          d="M12 22c-4.7 0-8-3-8-7.5 0-3.5 2.2-5.3 3.5-7.5.5 1.5 1.2 2.3 2 2.5C9.3 6.5 10.5 3.5 13.5 2c-.3 3 1.5 4.5 3.5 6.7 1.6 1.8 3 3.6 3 6.3C20 19 16.7 22 12 22z"
          fill="#ff6a1a"
        />
        <path d="M12 22c-2.5 0-4.3-1.6-4.3-4 0-2.6 2.3-3.5 3.8-6.5 2.5 1.5 5 3.6 5 6.5 0 2.4-2 4-4.5 4z" fill={SKIN} />
      </>
    ),
  },
  "😂": {
    name: "laughter",
    art: face(
      <>
        <path d="M6 9.5l3 1-3 1M18 9.5l-3 1 3 1" stroke={INK} stroke-width="1.5" stroke-linecap="round" fill="none" />
        <path d="M6.5 13.5h11c0 3.5-2.3 5.5-5.5 5.5s-5.5-2-5.5-5.5z" fill={INK} />
        <path d="M4 12c-2 1.5-2.7 3.5-1.3 4.5S5 16 4 12zM20 12c2 1.5 2.7 3.5 1.3 4.5S19 16 20 12z" fill="#35a7ff" />
      </>,
    ),
  },
  "😮": {
    name: "surprise",
    art: face(
      <>
        <circle cx="8.5" cy="10" r="1.4" fill={INK} />
        <circle cx="15.5" cy="10" r="1.4" fill={INK} />
        <ellipse cx="12" cy="16" rx="2.6" ry="3.2" fill={INK} />
      </>,
    ),
  },
  "🎉": {
    name: "celebration",
    art: (
      <>
        <path d="M3 21.5l5-12.5 7.5 7.5z" fill="#ffb020" />
        <path d="M5.5 15.5l3.5 3.5M7 12l5.5 5.5" stroke="#d6133c" stroke-width="1.5" />
        <path
          d="M13 9c.5-3 2.5-3 2-6M16 12c2-1.5 3 .5 5.5-1"
          stroke="#35a7ff"
          stroke-width="1.8"
          stroke-linecap="round"
          fill="none"
        />
        <circle cx="19" cy="5" r="1.5" fill="#ff2d55" />
        <circle cx="10" cy="4.5" r="1.3" fill="#6bd968" />
        <circle cx="20" cy="16.5" r="1.3" fill="#b36bff" />
      </>
    ),
  },
};

/** What a reaction is called. */
export const reactionName = (emoji: string): string => ART[emoji]?.name ?? emoji;

/** A reaction's drawing; one that has none is shown by the system's font. */
export function ReactionArt({ emoji }: { emoji: string }): VNode {
  const known = ART[emoji];
  if (known === undefined) return <span class="reaction-art">{emoji}</span>;
  return (
    <svg class="reaction-art" viewBox="0 0 24 24" aria-hidden="true">
      {known.art}
    </svg>
  );
}
