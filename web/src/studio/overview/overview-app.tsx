/** The page of many streams: a function of its controller. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { parseStreamName } from "../../../../core/kit/ids.ts";
import { readSiteName } from "../../kit/site-name.ts";
import { DeskError, OperatorTokenForm } from "../fields.tsx";
import type { OverviewController } from "./overview-controller.ts";
import { type StreamTile, summarizeTiles } from "./stream-tile.ts";

/** What the page shows. */
export interface OverviewProps {
  readonly desk: OverviewController;
  readonly isLocal: boolean;
  /** Watches whether a tile is in view, until the returned function is called. */
  readonly observe: (tile: HTMLElement) => () => void;
}

export function OverviewApp({ desk, isLocal, observe }: OverviewProps): VNode {
  const { ownTiles, otherTiles } = desk;
  return (
    <>
      <header class="site overview-head">
        <a href="/" class="brand">
          {readSiteName()}
        </a>
        <h1>Streams</h1>
        <OpenForm />
      </header>
      <main>
        <p class="note note-trouble" role="status" hidden={!desk.isFailing}>
          The list of streams does not load. Retrying; this is the last known one.
        </p>
        <p class="overview-sum" role="status">
          {summarizeTiles([...ownTiles, ...otherTiles])}
        </p>
        <section class="panel" aria-labelledby="own">
          <h2 id="own">Your streams</h2>
          {ownTiles.length === 0 ? (
            <Empty isLocal={isLocal} />
          ) : (
            <StreamList tiles={ownTiles} observe={observe} onForget={(stream) => desk.forgetStream(stream)} />
          )}
        </section>
        {(isLocal || desk.isOperator) && <Others desk={desk} isLocal={isLocal} observe={observe} />}
        {!isLocal && !desk.isOperator && <OperatorSection desk={desk} />}
      </main>
    </>
  );
}

/** The way to the studio of any stream. */
function OpenForm(): VNode {
  const [text, setText] = useState("");
  const [isInvalid, setInvalid] = useState(false);
  return (
    <form
      class="inline-form overview-open"
      onSubmit={(event) => {
        event.preventDefault();
        const name = parseStreamName(text.trim().toLowerCase());
        if (name === null) setInvalid(true);
        else location.assign(`/studio/${name}?tab=golive`);
      }}
    >
      <label>
        <span class="sr">Name of a stream</span>
        <input
          type="text"
          value={text}
          placeholder="Name of a stream"
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          maxLength={64}
          aria-invalid={isInvalid}
          aria-describedby="open-hint"
          onInput={(event) => {
            setText(event.currentTarget.value);
            setInvalid(false);
          }}
        />
      </label>
      <button type="submit" class="plain-button">
        Open or create
      </button>
      <p id="open-hint" class="overview-hint" role="status">
        {isInvalid ? "A stream name has lowercase letters, digits, - and _, and starts with a letter or digit." : ""}
      </p>
    </form>
  );
}

/** How one begins. */
function Empty({ isLocal }: { isLocal: boolean }): VNode {
  return (
    <div class="overview-empty">
      <p>A stream stands here once you have opened its studio as a host on this device. Three ways to begin:</p>
      <ol>
        <li>
          <strong>OBS or another encoder.</strong> Choose a name, like <code>ann</code>, and open it above. The studio
          has the server and a key to paste.
        </li>
        <li>
          <strong>This device’s camera.</strong> In the same studio, <em>Go live from this browser</em> needs nothing
          else.
        </li>
        {isLocal ? (
          <li>
            <strong>The demo.</strong> <code>npm start</code> broadcasts a film with its chat, which is listed below.
          </li>
        ) : (
          <li>
            <strong>A link.</strong> The operator’s <code>npm run token -- --role host --stream ann</code> prints one
            that opens the studio.
          </li>
        )}
      </ol>
    </div>
  );
}

function Others({ desk, isLocal, observe }: OverviewProps): VNode {
  const { otherTiles } = desk;
  const empty = desk.ownTiles.length === 0 ? "Nobody is live right now." : "No other stream is live right now.";
  return (
    <section class="panel" aria-labelledby="others">
      <h2 id="others">{isLocal ? "Also on this edge" : "All live streams"}</h2>
      {otherTiles.length === 0 && <p class="overview-none">{desk.isListed ? empty : "Loading…"}</p>}
      <StreamList tiles={otherTiles} observe={observe} />
      {desk.hasMore && (
        <button type="button" class="plain-button overview-more" onClick={() => void desk.showMore()}>
          Show more
        </button>
      )}
    </section>
  );
}

function OperatorSection({ desk }: { desk: OverviewController }): VNode {
  return (
    <details class="overview-operator" open={desk.errorText === null ? undefined : true}>
      <summary>For the operator</summary>
      <OperatorTokenForm
        about="The operator’s token shows every live stream of the directory, with its encoder’s health. This page forgets it when it is left."
        label="Operator’s token"
        placeholder="Operator’s token"
        desk={desk}
      />
      <DeskError text={desk.errorText} />
    </details>
  );
}

interface StreamListProps extends Pick<OverviewProps, "observe"> {
  readonly tiles: readonly StreamTile[];
  readonly onForget?: (stream: string) => void;
}

function StreamList({ tiles, observe, onForget }: StreamListProps): VNode {
  return (
    <ul class="streams">
      {tiles.map((tile) => (
        <Tile key={tile.stream} tile={tile} observe={observe} onForget={onForget ?? null} />
      ))}
    </ul>
  );
}

interface TileProps extends Pick<OverviewProps, "observe"> {
  readonly tile: StreamTile;
  readonly onForget: ((stream: string) => void) | null;
}

function Tile({ tile, observe, onForget }: TileProps): VNode {
  const { stream, title, host, state, badge, verdict, line } = tile;
  const item = useRef<HTMLLIElement>(null);
  useEffect(() => (item.current === null ? undefined : observe(item.current)), [observe]);
  return (
    <li ref={item} class={`stream stream-${verdict.level}`} data-stream={stream}>
      <a class="card" href={`/studio/${stream}`} {...(state === "live" ? { "data-live": stream } : {})}>
        <span class="picture">
          <img
            src={tile.poster}
            alt=""
            width={320}
            height={180}
            loading="lazy"
            decoding="async"
            onError={(event) => {
              event.currentTarget.hidden = true;
            }}
          />
          {badge !== "" && <span class={`badge badge-${state}`}>{badge}</span>}
        </span>
        <strong class="stream-title" dir="auto">
          {title}
        </strong>
        {host !== "" && (
          <span class="stream-host" dir="auto">
            {host}
          </span>
        )}
      </a>
      {verdict.text !== "" && <p class="stream-verdict">{verdict.text}</p>}
      {line !== "" && <p class="stream-line">{line}</p>}
      <p class="stream-foot">
        <span class="stream-name">{stream}</span>
        <a href={`/watch/${stream}`}>
          Watch<span class="sr"> {title}</span>
        </a>
        {onForget !== null && (
          <button type="button" class="text-button" onClick={() => onForget(stream)}>
            Remove<span class="sr"> {title} from this list</span>
          </button>
        )}
      </p>
    </li>
  );
}
