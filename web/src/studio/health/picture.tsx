/** The picture beside the health: as viewers get it, when it is asked for. Who watches here counts as a viewer. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Platform } from "../../../../core/kit/clock.ts";
import type { StreamName } from "../../../../core/kit/ids.ts";

interface PictureProps {
  readonly stream: StreamName;
  readonly platform: Platform;
}

/** A button, and after it the picture. */
export function Picture(props: PictureProps): VNode {
  const [isShown, setShown] = useState(false);
  return (
    <div class="health-picture">
      {isShown && <Playback {...props} />}
      <button type="button" class="plain-button" aria-pressed={isShown} onClick={() => setShown(!isShown)}>
        {isShown ? "Hide the picture" : "Show the picture"}
      </button>
    </div>
  );
}

function Playback({ stream, platform }: PictureProps): VNode {
  const video = useRef<HTMLVideoElement>(null);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    const element = video.current;
    let stop: () => void = () => {};
    let isGone = false;
    import("./play-picture.ts")
      .then(({ playPicture }) => {
        if (element !== null && !isGone) stop = playPicture(element, stream, platform, setFailure);
      })
      .catch(() => setFailure("The player cannot be loaded."));
    return () => {
      isGone = true;
      stop();
    };
  }, [stream, platform]);
  return (
    <>
      <video ref={video} muted playsInline aria-label="The picture as viewers get it" />
      <p role="status" hidden={failure === null}>
        {failure}
      </p>
    </>
  );
}
