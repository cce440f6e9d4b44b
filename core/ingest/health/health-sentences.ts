/** What operators read, as functions of measured values. Texts may change; the ids of checks do not. */
import type { HealthSentence } from "./health-check.ts";

const megabits = (bitsPerSecond: number): string => `${(bitsPerSecond / 1e6).toFixed(1)} Mb/s`;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const wholeMs = (ms: number): string => `${Math.round(ms)} ms`;
const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
const KEYFRAME_FIX = "Set the keyframe interval to 2 s in the encoder's output settings.";

/** The sentences of each check. */
export const HEALTH_SENTENCES = {
  starved: (share: number, arrivingBitsPerSecond: number): HealthSentence => ({
    say: `Only ${percent(share)} of the media arrives in time: your connection carries ${megabits(arrivingBitsPerSecond)}.`,
    fix: `Lower the encoder's bitrate to ${megabits(0.75 * arrivingBitsPerSecond)}, or use a better connection.`,
  }),
  noData: (silentMs: number): HealthSentence => ({
    say: `Your encoder has sent nothing for ${Math.floor(silentMs / 1000)} s; viewers see the last picture.`,
    fix: "Check that the encoder is running and connected.",
  }),
  disconnected: (goneMs: number, waitsMs: number): HealthSentence => ({
    say: `The connection to your encoder broke ${Math.floor(goneMs / 1000)} s ago.`,
    fix: `Start the encoder again: the broadcast waits ${Math.ceil(waitsMs / 1000)} s more for it.`,
  }),
  onBackup: (sinceMs: number, hasPrimary: boolean): HealthSentence => ({
    say: `The backup encoder is on the air since ${new Date(sinceMs).toISOString().slice(11, 19)} UTC.`,
    fix: hasPrimary
      ? "The primary encoder is connected again; it takes over once it has been steady for long enough."
      : "Start the primary encoder again: it takes over once it has been steady.",
  }),
  backupMissing: (): HealthSentence => ({
    say: "No backup encoder is connected, though one was before.",
    fix: "Start it again if it should take over when the primary encoder fails.",
  }),
  backupDiffers: (backup: string, primary: string): HealthSentence => ({
    say: `The backup sends ${backup}; the primary sends ${primary}.`,
    fix: "Give both encoders one codec, size, frame rate and keyframe interval: otherwise a switch restarts viewers' decoders.",
  }),
  reconnectingOften: (connections: number): HealthSentence => ({
    say: `Your encoder has connected ${connections} times in five minutes.`,
    fix: "Use a cable instead of Wi-Fi, lower the bitrate, or send by SRT.",
  }),
  bitrateHigh: (bitsPerSecond: number, limit: number): HealthSentence => ({
    say: `You send ${megabits(bitsPerSecond)}; this stream takes ${megabits(limit)}.`,
    fix: `Set the encoder to a constant bitrate (CBR) of ${Math.round(limit / 1000)} kb/s, sound included.`,
  }),
  bitrateLow: (bitsPerSecond: number, picture: string, floor: number): HealthSentence => ({
    say: `${megabits(bitsPerSecond)} is little for ${picture}: the picture becomes blocky.`,
    fix: `Raise the video bitrate to ${megabits(floor)} or more, or send a smaller picture.`,
  }),
  bitrateUnsteady: (lowBitsPerSecond: number, highBitsPerSecond: number): HealthSentence => ({
    say: `The bitrate swings between ${megabits(lowBitsPerSecond)} and ${megabits(highBitsPerSecond)}.`,
    fix: "Set the encoder's rate control to CBR.",
  }),
  keyframesRare: (groupMs: number, isTranscoded: boolean): HealthSentence => ({
    say: `Keyframes are ${seconds(groupMs)} or more apart${isTranscoded ? ", so the picture cannot be published as it is" : ""}.`,
    fix: KEYFRAME_FIX,
  }),
  keyframesOften: (groupMs: number): HealthSentence => ({
    say: `A keyframe comes every ${seconds(groupMs)}, which costs quality.`,
    fix: KEYFRAME_FIX,
  }),
  keyframesUneven: (leastMs: number, mostMs: number): HealthSentence => ({
    say: `The distance of keyframes varies from ${seconds(leastMs)} to ${seconds(mostMs)}.`,
    fix: "Switch scene-cut detection off in the encoder (x264: scenecut=0).",
  }),
  gopOpen: (): HealthSentence => ({
    say: "Pictures after a keyframe need pictures before it (open GOP), so viewers cannot begin there.",
    fix: "Switch open GOP off in the encoder (x264: open-gop=0).",
  }),
  tracksNotAligned: (offMs: number): HealthSentence => ({
    say: `The renditions' keyframes are ${wholeMs(offMs)} apart, so players cannot switch between them.`,
    fix: "Give all renditions one frame rate and keyframe interval, and switch scene-cut detection off.",
  }),
  bFrames: (count: number, delayMs: number): HealthSentence => ({
    say: `${count} B-frame(s) in a row delay the picture by ${wholeMs(delayMs)}.`,
    fix: "For the lowest delay set B-frames to 0 in the encoder (x264: tune=zerolatency).",
  }),
  framesDropped: (share: number): HealthSentence => ({
    say: `Your encoder leaves out ${percent(share)} of its frames.`,
    fix: "The encoder or its connection is overloaded: use a faster preset, a smaller picture or a lower bitrate.",
  }),
  frameRateLow: (rate: number, declared: number): HealthSentence => ({
    say: `${rate.toFixed(0)} of ${declared.toFixed(0)} frames a second arrive.`,
    fix: "Lower the frame rate in the encoder, or the load on its machine.",
  }),
  frameRateHigh: (rate: number): HealthSentence => ({
    say: `You send ${rate.toFixed(0)} frames a second; many devices show 60 at most.`,
    fix: "Set the frame rate to 60 or less.",
  }),
  resolutionChanged: (before: string, after: string): HealthSentence => ({
    say: `The picture's size changed from ${before} to ${after}; players restart their decoders.`,
    fix: "Keep one output size during a broadcast.",
  }),
  codecUnsupported: (media: string, detail: string): HealthSentence => ({
    say: `The ${media} cannot be read: ${detail}.`,
    fix: "Choose H.264 and AAC in the encoder.",
  }),
  profileUnsupported: (format: string): HealthSentence => ({
    say: `Viewers' devices cannot play a picture of ${format}.`,
    fix: "Set the colour format to NV12 (4:2:0, 8 bits) and the profile to High.",
  }),
  interlaced: (): HealthSentence => ({
    say: "The picture is coded for interlaced video, which shows combs on moving edges.",
    fix: "Switch deinterlacing on at the source, and set the encoder to progressive.",
  }),
  videoMissing: (missingMs: number): HealthSentence => ({
    say: `Sound arrives, and no picture for ${Math.floor(missingMs / 1000)} s.`,
    fix: "Check the video source and the encoder's video output.",
  }),
  audioMissing: (missingMs: number): HealthSentence => ({
    say: `The picture arrives, and no sound for ${Math.floor(missingMs / 1000)} s.`,
    fix: "Check the audio device and that the encoder sends an audio track; a silent one is enough.",
  }),
  audioSilent: (silentMs: number): HealthSentence => ({
    say: `The sound has been silent for ${Math.floor(silentMs / 1000)} s.`,
    fix: "Check that the microphone is not muted, and that the encoder's audio sources show a level.",
  }),
  audioClipping: (share: number): HealthSentence => ({
    say: `The sound clips: ${percent(share)} of its samples are at full scale.`,
    fix: "Lower the gain of the microphone, or the volume in the encoder.",
  }),
  audioChannels: (channels: number): HealthSentence => ({
    say: `The sound has ${channels} channels; many devices play two.`,
    fix: "Set the audio to stereo in the encoder.",
  }),
  avOffset: (offsetMs: number): HealthSentence => ({
    say: `The sound is ${wholeMs(Math.abs(offsetMs))} ${offsetMs > 0 ? "behind" : "ahead of"} the picture.`,
    fix: `Add a sync offset of ${wholeMs(-offsetMs)} to the audio source in the encoder.`,
  }),
  avDrift: (msPerMinute: number): HealthSentence => ({
    say: `Sound and picture drift apart by ${Math.abs(msPerMinute).toFixed(1)} ms a minute.`,
    fix: "Set the audio device and the encoder to one sample rate (48 kHz).",
  }),
  clockDrift: (ppm: number): HealthSentence => ({
    say: `Your encoder's clock runs ${(Math.abs(ppm) / 1e4).toFixed(3)} % ${ppm > 0 ? "fast" : "slow"}.`,
    fix: "Nothing has to be done; over hours the delay changes by some seconds.",
  }),
  timestampsBroken: (jumpMs: number): HealthSentence => ({
    say: `Your encoder's timestamps jumped ${jumpMs < 0 ? "back" : "ahead"} by ${(Math.abs(jumpMs) / 1000).toFixed(2)} s.`,
    fix: "Restart the encoder; if it plays a list of files, let it write continuous timestamps.",
  }),
  fasterThanRealtime: (leadMs: number): HealthSentence => ({
    say: `Your encoder sends faster than real time: ${seconds(leadMs)} ahead.`,
    fix: "If it plays a file, let it read at the file's own rate (FFmpeg: -re).",
  }),
  packetLoss: (share: number, repairedShare: number): HealthSentence => ({
    say: `${percent(share)} of the packets are lost on the way; ${percent(repairedShare)} came again in time.`,
    fix: "Use a cable instead of Wi-Fi, or lower the bitrate.",
  }),
  packetLossSeen: (lost: number, latencyMs: number | null): HealthSentence => ({
    say: `${lost} packet(s) did not come in time: viewers see damaged pictures.`,
    fix: latencyMs === null ? "Raise the latency in the encoder." : `Set the SRT latency to ${wholeMs(latencyMs)}.`,
  }),
  roundTripHigh: (roundTripMs: number): HealthSentence => ({
    say: `The round trip to this server takes ${wholeMs(roundTripMs)}.`,
    fix: "Choose a server that is nearer, or a better connection.",
  }),
  jitterHigh: (jitterMs: number): HealthSentence => ({
    say: `Frames arrive in bursts, up to ${wholeMs(jitterMs)} late.`,
    fix: "Use a cable instead of Wi-Fi, and end other uploads.",
  }),
  latencyUnfit: (latencyMs: number, roundTripMs: number, wantedMs: number): HealthSentence => ({
    say: `The SRT latency of ${wholeMs(latencyMs)} is too short for a round trip of ${wholeMs(roundTripMs)}.`,
    fix: `Set the latency to ${wholeMs(wantedMs)} in the encoder.`,
  }),
  ingestDelay: (delayMs: number): HealthSentence => ({
    say: `The way from the ingest server to the edge takes ${seconds(delayMs)}.`,
    fix: "Nothing is wrong with your encoder; the server's operator should look at its connection to the edge.",
  }),
  transcodeSlow: (speed: number): HealthSentence => ({
    say: `The encoder of the lower renditions falls behind (${speed.toFixed(2)} of real time).`,
    fix: "The server's operator should give it more capacity, or drop a rendition.",
  }),
  renditionShed: (names: readonly string[]): HealthSentence => ({
    say: `The server has no capacity for ${names.join(", ")}: viewers get the other renditions.`,
    fix: "The server's operator should give it more capacity, or a ladder with fewer steps.",
  }),
  renderingLagging: (share: number): HealthSentence => ({
    say: `Your encoder composes ${percent(share)} of its pictures too late.`,
    fix: "Its graphics processor is overloaded: limit the frame rate of games, use fewer sources, or a smaller canvas.",
  }),
  encoderLagging: (share: number): HealthSentence => ({
    say: `Your encoder skips ${percent(share)} of its pictures, because it cannot encode them in time.`,
    fix: "Choose a faster preset, fewer renditions or a smaller picture, or a hardware encoder.",
  }),
  uplinkHeadroom: (waitMs: number, droppedShare: number): HealthSentence => ({
    say: `Your uplink has no room left: media waits ${seconds(waitMs)} in the encoder${droppedShare > 0.001 ? `, and ${percent(droppedShare)} of the frames are dropped` : ""}.`,
    fix: "Lower the bitrates, send one rendition less, or end other uploads.",
  }),
  renditionsWait: (names: readonly string[]): HealthSentence => ({
    say: `${names.join(", ")} wait${names.length === 1 ? "s" : ""} for an encoder, which another broadcast needs: viewers get the sender's picture.`,
    fix: "Nothing is to be done in your encoder. The server's operator should add a server, or raise --max-transcodes if cores are idle.",
  }),
  capacityWait: (ahead: number, roomAt: string | null): HealthSentence => ({
    say: `This broadcast waits for an encoder; ${ahead === 0 ? "none is" : `${ahead} are`} before it.`,
    fix:
      roomAt === null
        ? "Send keyframes every 2 s: then no encoder is needed. Otherwise the server's operator should add a server."
        : `Connect to the server ${roomAt}, which has room, or send keyframes every 2 s: then no encoder is needed.`,
  }),
  keyExpiring: (leftMs: number): HealthSentence => ({
    say: `This stream key expires in ${leftMs > 5_400_000 ? `${Math.round(leftMs / 3.6e6)} h` : `${Math.max(0, Math.round(leftMs / 60_000))} min`}; no new connection is taken then.`,
    fix: "Put a new key into the encoder before its next start.",
  }),
  keyRevoked: (): HealthSentence => ({
    say: "This stream key was revoked, and the encoder was cut.",
    fix: "Ask the stream's owner for a new key.",
  }),
} as const;
