/** What to paste, by encoder: OBS, OBS's multitrack video, SRT, phones. */
import type { ComponentChildren, VNode } from "preact";
import { useState } from "preact/hooks";
import type { IngestAddresses } from "../../../../core/api/ingest-addresses.ts";
import { describeEncoderSetup, type EncoderSetup, rtmpServer } from "../../../../core/ingest/encoder-setup.ts";
import { buildObsOverride } from "../../../../core/ingest/obs/obs-configuration.ts";
import type { StreamName } from "../../../../core/kit/ids.ts";
import { CopyField } from "../../kit/copy-field.tsx";
import { SelectField } from "../fields.tsx";
import { TabList } from "../tab-list.tsx";
import { QrCode } from "./qr-code.tsx";
import type { IssuedKey } from "./stream-keys.ts";

const ENCODER_TABS = ["obs", "multitrack", "srt", "whip", "phone"] as const;
type EncoderTab = (typeof ENCODER_TABS)[number];

const TAB_LABELS: Readonly<Record<EncoderTab, string>> = {
  obs: "OBS",
  multitrack: "Multitrack",
  srt: "SRT",
  whip: "WHIP",
  phone: "Phone",
};

interface EncoderProps {
  readonly stream: StreamName;
  readonly addresses: IngestAddresses;
  /** Null: the page knows no secret. */
  readonly issued: IssuedKey | null;
}

/** One tab an encoder. */
export function EncoderTabs(props: EncoderProps): VNode {
  const [open, setOpen] = useState<EncoderTab>("obs");
  const { stream, addresses, issued } = props;
  const setup = issued === null ? null : describeEncoderSetup(addresses, stream, issued.key);
  return (
    <div class="encoders">
      <TabList label="Encoder" tabs={ENCODER_TABS} open={open} words={TAB_LABELS} idPrefix="encoder" onOpen={setOpen} />
      <div id="encoder-open" class="encoder" role="tabpanel" aria-labelledby={`encoder-${open}`}>
        {open === "obs" && <ObsFields {...props} />}
        {open === "multitrack" && <MultitrackFields {...props} />}
        {open === "srt" && <SrtFields {...props} setup={setup} />}
        {open === "whip" && <WhipFields {...props} />}
        {open === "phone" && <PhoneLinks {...props} setup={setup} />}
      </div>
    </div>
  );
}

function ObsFields({ stream, addresses, issued }: EncoderProps): VNode {
  const server = rtmpServer(addresses, stream);
  if (server === null) return <Missing protocol="RTMP" />;
  return (
    <>
      <p>
        In OBS, open <b>Settings → Stream</b>, choose the service <b>Custom…</b>, and paste both. In{" "}
        <b>Settings → Output</b>, set the keyframe interval to 2 s.
      </p>
      <CopyField id="obs-server" label="Server" text={server} />
      <KeyField issued={issued} />
    </>
  );
}

function KeyField({ issued }: { issued: IssuedKey | null }): VNode {
  if (issued === null) return <NoSecret />;
  return <CopyField key={issued.id} id="obs-key" label="Stream key" text={issued.key} isSecret />;
}

function NoSecret(): VNode {
  return <p class="golive-more">A key is shown once, when it is made: make a new key, or rotate one.</p>;
}

function Missing({ protocol }: { protocol: string }): VNode {
  return (
    <p class="golive-more">
      This edge names no {protocol} address. Its operator sets <code>CORRAL_INGEST_ADDRESSES</code>.
    </p>
  );
}

const CANVASES: readonly (readonly [height: number, label: string])[] = [
  [1080, "1920×1080"],
  [720, "1280×720"],
];
const FRAME_RATES: readonly (readonly [fps: number, label: string])[] = [
  [30, "30 frames/s"],
  [60, "60 frames/s"],
];

function MultitrackFields({ stream, addresses, issued }: EncoderProps): VNode {
  const [height, setHeight] = useState(1080);
  const [fps, setFps] = useState(30);
  const server = rtmpServer(addresses, stream);
  if (server === null) return <Missing protocol="RTMP" />;
  const configuration = buildObsOverride(addresses, stream, { height, framesPerSecond: fps });
  return (
    <>
      <p>
        OBS encodes every rendition, so nothing is transcoded. Start it with <code>--enable-multitrack-video-dev</code>,
        set server and key as for OBS, enable <b>Multitrack Video</b> and its <b>Config Override</b>, and paste the
        JSON. Or start OBS with <code>--config-url</code> and the address below: it then asks for the renditions that
        fit its canvas.
      </p>
      <CopyField id="multitrack-server" label="Server" text={server} />
      <KeyField issued={issued} />
      <div class="fields encoder-choices">
        <SelectField label="Canvas" value={height} options={CANVASES} onSelect={(value) => setHeight(Number(value))} />
        <SelectField label="Frame rate" value={fps} options={FRAME_RATES} onSelect={(value) => setFps(Number(value))} />
      </div>
      <CopyField
        key={`${height}-${fps}`}
        id="multitrack-json"
        label="Config Override (JSON)"
        text={JSON.stringify(configuration, null, 2)}
        isLong
      />
      <CopyField
        id="multitrack-url"
        label="Configuration address"
        text={`${location.origin}/api/obs/${stream}/GetClientConfiguration`}
      />
    </>
  );
}

interface SetupProps extends EncoderProps {
  readonly setup: EncoderSetup | null;
}

function SrtFields({ addresses, issued, setup }: SetupProps): VNode {
  if (addresses.srt === null) return <Missing protocol="SRT" />;
  if (issued === null || setup === null || setup.srtUrl === null) return <NoSecret />;
  return (
    <>
      <p>
        One address for FFmpeg, GStreamer and OBS (service <b>Custom…</b>, as the server, with an empty stream key). It
        contains the key.
      </p>
      <CopyField key={issued.id} id="srt-url" label="SRT address" text={setup.srtUrl} isSecret />
    </>
  );
}

function WhipFields({ stream, issued }: EncoderProps): VNode {
  return (
    <>
      <p>
        For OBS 30 and later (service <b>WHIP</b>), pages and other senders of WebRTC: H.264 and Opus. It needs an
        ingest node: an edge without one answers 501.
      </p>
      <CopyField id="whip-address" label="WHIP address" text={`${location.origin}/whip/${stream}`} />
      {issued === null ? (
        <NoSecret />
      ) : (
        <CopyField key={issued.id} id="whip-key" label="Bearer token" text={issued.key} isSecret />
      )}
    </>
  );
}

const APPS = [
  ["moblin", "Moblin"],
  ["larix", "Larix Broadcaster"],
] as const;

function PhoneLinks({ addresses, issued, setup }: SetupProps): VNode {
  const [app, setApp] = useState<"moblin" | "larix">("moblin");
  const [isShown, setShown] = useState(false);
  if (addresses.srt === null) return <Missing protocol="SRT" />;
  const link = app === "moblin" ? setup?.moblinLink : setup?.larixLink;
  if (issued === null || link === null || link === undefined) return <NoSecret />;
  const name = app === "moblin" ? "Moblin" : "Larix Broadcaster";
  return (
    <>
      <p>Scan the code with the phone’s camera, or open the link on the phone. Both set the app up with this key.</p>
      <div class="fields encoder-choices">
        <SelectField
          label="App"
          value={app}
          options={APPS}
          onSelect={(value) => setApp(value === "larix" ? "larix" : "moblin")}
        />
      </div>
      {isShown ? <QrCode text={link} label={`QR code that sets up ${name}`} /> : null}
      <div class="inline-form">
        <button type="button" class="plain-button" aria-pressed={isShown} onClick={() => setShown(!isShown)}>
          {isShown ? "Hide the QR code" : "Show the QR code"}
        </button>
        <AppLink href={link}>Open in {name}</AppLink>
      </div>
      <CopyField key={`${app}-${issued.id}`} id="phone-link" label={`Link for ${name}`} text={link} isSecret />
    </>
  );
}

function AppLink({ href, children }: { href: string; children: ComponentChildren }): VNode {
  return (
    <a class="plain-button app-link" href={href}>
      {children}
    </a>
  );
}
