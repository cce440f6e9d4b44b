/** What lies over the preview: the key form, what is the matter, or what will be sent. */
import type { ComponentChildren, VNode } from "preact";
import { useState } from "preact/hooks";
import { formatElapsed } from "../kit/number-text.ts";
import { canShareScreen } from "./capture-devices.ts";
import type { GoLivePage } from "./golive-page.ts";
import { describeProblem } from "./golive-text.ts";
import { type GoLiveProblem, isOnAir } from "./golive-view.ts";

/** See the file's first line. */
export function PreviewOverlay({ page }: { page: GoLivePage }): VNode {
  const { controller } = page;
  const { view, ladder, mode } = controller;
  const { phase, problem } = view;
  if (phase === "unknown")
    return <Card title="No such stream" advice="A stream’s name has small letters and digits." />;
  if (phase === "key") return <KeyCard page={page} />;
  if (phase === "checking") return <Card title="One moment…" advice="" isBusy />;
  if (phase === "preparing") {
    return (
      <Card title="Allow camera and microphone" advice="Your browser asks for both. Nothing is sent yet." isBusy />
    );
  }
  if (phase === "blocked" && problem !== null) {
    return (
      <ProblemCard problem={problem}>
        <button type="button" class="pill" onClick={() => void controller.openSource(controller.choice.source)}>
          Try again
        </button>
        {canShareScreen() && (
          <button type="button" class="pill pill-quiet" onClick={() => void controller.openSource("screen")}>
            Share the screen
          </button>
        )}
      </ProblemCard>
    );
  }
  if (phase === "ended" && view.lastedMs !== null && problem === null) {
    return (
      <Card title="The broadcast has ended" advice={`It was on the air for ${formatElapsed(view.lastedMs)}.`}>
        <a class="pill pill-quiet" href={`/watch/${page.name}`} target="_blank" rel="noopener">
          Watch it again
        </a>
      </Card>
    );
  }
  const renditions = ladder.map(({ width, height }) => `${Math.min(width, height)}p`).join(" + ");
  const plan = mode === "whip" ? "WebRTC: the server encodes" : renditions;
  return (
    <>
      {phase === "starting" && <Card title="Going live…" advice="" isBusy />}
      {phase === "ending" && <Card title="Ending…" advice="What was recorded last is being stored." isBusy />}
      {!isOnAir(view) && plan !== "" && <p class="plan">{plan}</p>}
    </>
  );
}

interface CardProps {
  readonly title: string;
  readonly advice: string;
  readonly isBusy?: boolean;
  readonly children?: ComponentChildren;
}

function Card({ title, advice, isBusy = false, children }: CardProps): VNode {
  return (
    <div class="card" role="status">
      {isBusy && <span class="spinner" aria-hidden="true" />}
      <p class="title">{title}</p>
      {advice !== "" && <p class="detail">{advice}</p>}
      <div class="card-actions">{children}</div>
    </div>
  );
}

function ProblemCard({ problem, children }: { problem: GoLiveProblem; children: ComponentChildren }): VNode {
  const { title, advice } = describeProblem(problem);
  return (
    <Card title={title} advice={advice}>
      {children}
    </Card>
  );
}

/** Asks for the stream key. */
function KeyCard({ page: { controller, name } }: { page: GoLivePage }): VNode {
  const [key, setKey] = useState("");
  const { problem } = controller.view;
  const sentence = problem === null ? null : describeProblem(problem);
  return (
    <form
      class="card key-card"
      onSubmit={(event) => {
        event.preventDefault();
        if (key.trim() !== "") void controller.useKey(key.trim());
      }}
    >
      <p class="title">Go live on {name}</p>
      <label for="stream-key">Stream key</label>
      <input
        id="stream-key"
        type="password"
        autocomplete="off"
        spellcheck={false}
        placeholder="corral_…"
        value={key}
        aria-invalid={sentence !== null}
        aria-describedby="key-advice"
        onInput={(event) => setKey(event.currentTarget.value)}
      />
      <p id="key-advice" class="detail" role={sentence === null ? undefined : "alert"}>
        {sentence === null ? (
          <>
            The <a href={`/studio/${name}`}>studio</a> makes one under Go live. It stays in this tab.
          </>
        ) : (
          `${sentence.title} ${sentence.advice}`
        )}
      </p>
      <button type="submit" class="pill" disabled={key.trim() === ""}>
        Continue
      </button>
    </form>
  );
}
