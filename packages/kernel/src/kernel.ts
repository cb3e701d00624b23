// The names other packages import. Nothing is defined here, and no file of this package imports this one.

export { contract, ContractViolation, earlier, unreachable, type Timed } from "./contract.ts"
export {
  epoch,
  idOf,
  instant,
  isName,
  later,
  mark,
  origin,
  parseEpoch,
  parseSessionName,
  position,
  revision,
  sessionName,
  timestamp,
  workspaceOf,
} from "./ids.ts"
export type {
  CursorText,
  Epoch,
  Instant,
  JsonText,
  Mark,
  Point,
  Position,
  ReaderId,
  Revision,
  SessionName,
  Timestamp,
} from "./ids.ts"
export { jsonText, keptJsonText, utf8Bytes, type Json } from "./json.ts"
export { contentHash, markAfter } from "./hash.ts"
export { CloseEntry, EventEntry, foldable, formatTimestamp, HoleEntry, pointOf, seal, unseal } from "./entry.ts"
export type { Draft, Entry, FoldableEvent, SessionEvent } from "./entry.ts"
export { cursorBytesMax, cursorsOf, cursorText, parseCursor } from "./cursor.ts"
export type { CursorOutcome, CursorRejection, SessionCursor } from "./cursor.ts"
export type { LiveReplayGap, LiveReplayGapReason } from "./gap.ts"
export { everything, parseFilter, type Filter } from "./filter.ts"
export { defineModel, type Fold, type ModelDefinition, type SessionModel, type Shown } from "./model.ts"
export { SessionObservation, type Closed, type ObservationJson } from "./observation.ts"
export type { Head } from "./head.ts"
export { logModel } from "./models/log.ts"
export { Kernel } from "./machine.ts"
export { RecordingKernel, type BeginOutcome } from "./recording-kernel.ts"
export { replayCapsule, type ReplayCapsuleOutcome } from "./capsule.ts"
export type { WriteLine } from "./capsule-recording.ts"
export type { SecretOptions } from "./secrets.ts"
export type { KernelConfig, KernelStats, SessionState } from "./kernel-config.ts"
export type { OpenOutcome, SessionOrigin } from "./origin.ts"
export type { AppendFailure } from "./session.ts"
export {
  DisabledLiveReplayStore,
  InMemoryLiveReplayStore,
  type LiveReplayStore,
  type ReplayOutcome,
  type Window,
} from "./live-replay-store.ts"
export type { WindowLimits } from "./retained-log.ts"
export { Deadlines } from "./deadlines.ts"
export { Recent } from "./recent.ts"
export type {
  Batch,
  Explanation,
  ExplainOptions,
  ExplainOutcome,
  HandleOutcome,
  HistoryPage,
  Place,
  ReadBudget,
  ReaderOptions,
  ReaderStart,
  ReadOutcome,
  Recovery,
  ResumeOutcome,
  SubscribeOutcome,
} from "./outcomes.ts"
