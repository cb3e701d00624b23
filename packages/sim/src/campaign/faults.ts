// Everything a simulated world can do to break the promise, by name. Each kind says what happens and which laws it puts to
// the test; docs/SPEC.md lists it under those laws. A run draws a random subset of kinds, so that some runs meet only a
// few of them, and deeply (swarm testing: Groce et al., 2012).

export interface FaultKind {
  /** What happens, as a sentence without a full stop. */
  readonly does: string
  /** The laws that it may break. */
  readonly laws: readonly `L${number}`[]
}

export const faultKinds = {
  cut: { does: "a connection is cut after any number of bytes, within a frame too", laws: ["L8", "L11"] },
  "half-open": { does: "a connection goes silent, and one end or both never hear of it", laws: ["L11", "L14", "L17"] },
  chunks: { does: "bytes arrive late, joined and cut apart anywhere", laws: ["L8", "L11"] },
  "slow-reader": { does: "a client takes its time over every item", laws: ["L12", "L13", "L14"] },
  "stalled-reader": { does: "a client stops reading, and goes on later or never", laws: ["L12", "L13", "L14"] },
  storm: { does: "all clients are cut at once, and come back together", laws: ["L9", "L11", "L14"] },
  "fresh-reader": { does: "a client forgets its place and begins anew", laws: ["L10"] },
  "reader-killed": { does: "a client is killed between an item and the next, and started again from the cursor it kept", laws: ["L8", "L11"] },
  "old-cursor": { does: "a client comes back with a cursor from long before", laws: ["L6", "L7", "L13"] },
  "forged-cursor": { does: "a cursor is changed, made up, or of another session", laws: ["L7"] },
  "late-log": { does: "answers of the log are late and out of order, pages of history too", laws: ["L5", "L6", "L8"] },
  "append-fails-before": { does: "a change fails before it took effect", laws: ["L4", "L5"] },
  "append-fails-after": { does: "a change fails after it took effect", laws: ["L4", "L5"] },
  "append-answered-late": { does: "a change is answered when nobody waits for it any more", laws: ["L4", "L5", "L8"] },
  "log-away": { does: "the log is away for a while, and everything asked of it fails", laws: ["L5", "L6"] },
  "answer-lost": { does: "a publisher's request or answer is lost", laws: ["L4"] },
  "publisher-restart": { does: "a publisher is killed and started again with the same input", laws: ["L4"] },
  crash: { does: "the host is killed at any step, and started again on what was synced", laws: ["L1", "L2", "L3", "L5", "L11"] },
  "unsynced-tail": { does: "with the host goes what the log had done and told nobody of", laws: ["L2", "L4", "L5"] },
  "acknowledged-tail": { does: "with the host goes what was acknowledged, and nothing notices", laws: ["L2", "L7"] },
  "backup-noticed": { does: "an older backup is put in place, and the log can tell", laws: ["L2", "L9"] },
  "backup-unnoticed": { does: "an older backup is put in place, and only marks can tell", laws: ["L2", "L7"] },
  trim: { does: "history is let go of while it is read", laws: ["L1", "L6", "L13", "L15"] },
  "clock-jump": { does: "the time of day jumps, back too", laws: ["L4", "L16"] },
  sleep: { does: "the machine sleeps, and everything that was due is late", laws: ["L14", "L16", "L17"] },
  recreate: { does: "a session is deleted and made again", laws: ["L1", "L2", "L4", "L8", "L21"] },
  close: { does: "a session is closed while it is read and written", laws: ["L4", "L21"] },
  hole: { does: "the log says that something could not be recorded", laws: ["L9", "L10"] },
  idle: { does: "sessions leave memory and come back", laws: ["L1", "L10", "L17"] },
  "second-node": { does: "another node writes to the same log, and this one learns of it late", laws: ["L6", "L8"] },
  "wake-lost": { does: "nobody says that the log knows more", laws: ["L8", "L11"] },
  "wake-again": { does: "wake-ups come twice, late, out of order and for nothing", laws: ["L8", "L12"] },
  "model-version": { does: "the host is started again with another version of the model", laws: ["L10"] },
  "no-history": { does: "the session keeps no log", laws: ["L7", "L9"] },
  "full-log": { does: "the log, or the workspace, holds as much as it may", laws: ["L4", "L17"] },
} as const satisfies Readonly<Record<string, FaultKind>>

export type FaultName = keyof typeof faultKinds

export const faultNames: readonly FaultName[] = Object.keys(faultKinds).filter(isFaultName)

export function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(faultKinds, name)
}
