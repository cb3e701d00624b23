// A kernel that can be asked to record one of its sessions: every call about it, `now` and all, and what came of each, as the
// lines of a capsule (`capsule.ts`). While nothing is recorded a call costs one look at a size.
//
// A capsule begins where its session enters memory: with the call that opens it. Nothing of what was before is then needed to
// make the same calls again and get the same answers.
//
// Not recorded: `resume`, whose parts are; what changes nothing and tells nothing new (`standing`, `resumed`,
// `modelVersion`); what is about all sessions (`stats`, `pollFailure`, `pollTimeout`); and what a session is told whose log is
// the kernel (`commit`, `record`, `close`): it is never recorded.

import type { CapsuleCall } from "./capsule-call.ts"
import { Recording, type WriteLine } from "./capsule-recording.ts"
import type { Entry } from "./entry.ts"
import type { Head } from "./head.ts"
import type { CursorText, Epoch, Instant, Point, ReaderId, SessionName } from "./ids.ts"
import type { KernelConfig, SessionState } from "./kernel-config.ts"
import type { LiveReplayStore } from "./live-replay-store.ts"
import { Kernel } from "./machine.ts"
import type { SessionObservation } from "./observation.ts"
import { foldOf, type OpenOutcome, type SessionOrigin } from "./origin.ts"
import type { ExplainOptions, ExplainOutcome, HandleOutcome, HistoryPage, ReadBudget } from "./outcomes.ts"
import type { ReaderOptions, ReaderStart, ReadOutcome, SubscribeOutcome } from "./outcomes.ts"
import { maskedAsked, maskedHead, maskedOptions, maskedOrigin, maskedPage, SecretMask } from "./secret-mask.ts"
import { Secrets, type SecretOptions } from "./secrets.ts"

export type BeginOutcome =
  /** From the session's next opening on, where it is not in memory now. */
  | { readonly type: "recording" }
  | { readonly type: "recorded_already" }
  /** It has readers, of whom nobody could tell later how they got to where they are: they must leave first. */
  | { readonly type: "in_use"; readonly readers: number }
  /** What the session is now cannot be told in full. */
  | { readonly type: "refused"; readonly because: string }

interface RecordedReader {
  readonly recording: Recording
  readonly number: number
}

/**
 * The calls that are made for every event and reader hand over to a method of their own when something is recorded: a function
 * that may make a closure over its arguments pays for it in every call.
 */
export class RecordingKernel extends Kernel {
  readonly #config: KernelConfig
  readonly #keepsLog: boolean
  readonly #recordings = new Map<SessionName, Recording>()
  readonly #readers = new Map<ReaderId, RecordedReader>()

  constructor(config: KernelConfig, parts: { readonly liveReplayStore?: LiveReplayStore } = {}) {
    super(config, parts)
    this.#config = config
    this.#keepsLog = parts.liveReplayStore?.keepsLog ?? true
  }

  /**
   * Begins to record a session that an outside log feeds, and hands every line to `write`. A session that is in memory must
   * have no readers: it is forgotten and opened again from what it shows, with an empty window, and nobody is told otherwise.
   */
  beginRecording(now: Instant, name: SessionName, secrets: SecretOptions, write: WriteLine): BeginOutcome {
    if (this.#recordings.has(name)) return { type: "recorded_already" }
    const state = super.describe(name)
    const standing = super.standing(name)
    const recording = () => new Recording(name, this.#config, this.#keepsLog, new SecretMask(name, new Secrets(secrets)), write)
    if (state === undefined || standing === undefined) {
      this.#recordings.set(name, recording())
      return { type: "recording" }
    }
    if (standing.own) return { type: "refused", because: "the kernel is its log" }
    if (standing.viewFailed) return { type: "refused", because: "its model could not fold an event, so that its view does not tell what it is" }
    if (state.readers > 0) return { type: "in_use", readers: state.readers }
    const from = this.#originOf(now, name, state, standing.logFloor)
    if (from === undefined) return { type: "refused", because: "its model cannot restore what it shows" }
    super.unloadSession(now, name)
    this.#recordings.set(name, recording())
    this.openSession(now, name, from)
    return { type: "recording" }
  }

  /** Writes the last line; `because` is for people. Nothing happens where nothing is recorded. */
  endRecording(name: SessionName, because: string): void {
    const recording = this.#recordings.get(name)
    if (recording === undefined) return
    this.#recordings.delete(name)
    for (const [id, reader] of this.#readers) if (reader.recording === recording) this.#readers.delete(id)
    recording.end(because)
  }

  /** A session that the kernel begins to log itself: its marks are made of the data that a capsule hides. */
  override createSession(now: Instant, name: SessionName, settings: { readonly epoch: Epoch; readonly model: string }): SessionObservation {
    if (this.#recordings.size > 0) this.endRecording(name, "the kernel is its log from here on")
    return super.createSession(now, name, settings)
  }

  override deleteSession(now: Instant, name: SessionName): void {
    const recording = this.#of(name)
    if (recording === undefined) return super.deleteSession(now, name)
    recording.made({ call: "deleteSession", now }, () => super.deleteSession(now, name), (_, tell) => tell.nothing())
  }

  override openSession(now: Instant, name: SessionName, from: SessionOrigin, lost?: "ahead" | "diverged"): OpenOutcome {
    const recording = this.#of(name)
    if (recording === undefined) return super.openSession(now, name, from, lost)
    recording.tell.modelIs(from.model)
    const call: CapsuleCall = { call: "openSession", now, from: maskedOrigin(recording.mask, from), ...(lost === undefined ? {} : { lost }) }
    return recording.made(call, () => super.openSession(now, name, from, lost), (outcome, tell) => tell.opened(outcome))
  }

  override handleAppended(now: Instant, name: SessionName, epoch: Epoch, entries: readonly Entry[]): HandleOutcome {
    const recording = this.#of(name)
    return recording === undefined ? super.handleAppended(now, name, epoch, entries) : this.#recordAppended(recording, now, name, epoch, entries)
  }

  #recordAppended(recording: Recording, now: Instant, name: SessionName, epoch: Epoch, entries: readonly Entry[]): HandleOutcome {
    const call: CapsuleCall = { call: "handleAppended", now, epoch, entries: entries.map((entry) => recording.mask.entry(entry)) }
    return recording.made(call, () => super.handleAppended(now, name, epoch, entries), (outcome, tell) => tell.handled(outcome))
  }

  override handleHead(now: Instant, name: SessionName, head: Head): HandleOutcome {
    const recording = this.#of(name)
    if (recording === undefined) return super.handleHead(now, name, head)
    const call: CapsuleCall = { call: "handleHead", now, head: maskedHead(recording.mask, head) }
    return recording.made(call, () => super.handleHead(now, name, head), (outcome, tell) => tell.handled(outcome))
  }

  override handleHistory(now: Instant, id: ReaderId, page: HistoryPage): ReadOutcome | undefined {
    const reader = this.#reader(id)
    if (reader === undefined) return super.handleHistory(now, id, page)
    const { recording, number } = reader
    const call: CapsuleCall = { call: "handleHistory", now, reader: number, page: maskedPage(recording.mask, page) }
    return recording.made(call, () => super.handleHistory(now, id, page), (outcome, tell) => tell.given(outcome))
  }

  override unloadSession(now: Instant, name: SessionName): "unloaded" | "in_use" {
    const recording = this.#of(name)
    if (recording === undefined) return super.unloadSession(now, name)
    return recording.made({ call: "unloadSession", now }, () => super.unloadSession(now, name), (outcome, tell) => tell.word(outcome))
  }

  override observe(now: Instant, name: SessionName): SessionObservation | undefined {
    const recording = this.#of(name)
    if (recording === undefined) return super.observe(now, name)
    return recording.made({ call: "observe", now }, () => super.observe(now, name), (outcome, tell) => tell.observed(outcome))
  }

  override describe(name: SessionName): SessionState | undefined {
    const recording = this.#of(name)
    if (recording === undefined) return super.describe(name)
    return recording.made({ call: "describe" }, () => super.describe(name), (outcome, tell) => tell.described(outcome))
  }

  override explain(now: Instant, name: SessionName, cursor: string, asked: ExplainOptions = {}): ExplainOutcome {
    const recording = this.#of(name)
    if (recording === undefined) return super.explain(now, name, cursor, asked)
    const { mask } = recording
    const call: CapsuleCall = { call: "explain", now, cursor: mask.cursor(cursor), asked: maskedAsked(mask, asked) }
    return recording.made(call, () => super.explain(now, name, cursor, asked), (outcome, tell) => tell.explained(outcome))
  }

  override subscribe(now: Instant, name: SessionName, start: ReaderStart, options: ReaderOptions, proof?: Head): SubscribeOutcome {
    const recording = this.#of(name)
    if (recording === undefined) return super.subscribe(now, name, start, options, proof)
    const { mask } = recording
    const from: ReaderStart = start.type === "cursor" ? { type: "cursor", cursor: mask.cursor(start.cursor) } : start
    const proven = proof === undefined ? {} : { proof: maskedHead(mask, proof) }
    const call: CapsuleCall = { call: "subscribe", now, start: from, options: maskedOptions(options), ...proven }
    const subscribe = () => {
      const outcome = super.subscribe(now, name, start, options, proof)
      if (outcome.type === "subscribed") this.#readers.set(outcome.reader, { recording, number: ++recording.readers })
      return outcome
    }
    return recording.made(call, subscribe, (outcome, tell) => tell.subscribed(outcome, recording.readers))
  }

  override read(now: Instant, id: ReaderId, budget: ReadBudget): ReadOutcome {
    const reader = this.#reader(id)
    return reader === undefined ? super.read(now, id, budget) : this.#recordRead(reader, now, id, budget)
  }

  #recordRead(reader: RecordedReader, now: Instant, id: ReaderId, budget: ReadBudget): ReadOutcome {
    const call: CapsuleCall = { call: "read", now, reader: reader.number, budget }
    return reader.recording.made(call, () => super.read(now, id, budget), (outcome, tell) => tell.read(outcome))
  }

  override cursorOf(id: ReaderId): CursorText | undefined {
    const reader = this.#reader(id)
    if (reader === undefined) return super.cursorOf(id)
    return reader.recording.made({ call: "cursorOf", reader: reader.number }, () => super.cursorOf(id), (outcome, tell) => tell.cursor(outcome))
  }

  override wake(id: ReaderId): void {
    const reader = this.#reader(id)
    if (reader === undefined) return super.wake(id)
    reader.recording.made({ call: "wake", reader: reader.number }, () => super.wake(id), (_, tell) => tell.nothing())
  }

  override unsubscribe(id: ReaderId): void {
    const reader = this.#reader(id)
    if (reader === undefined) return super.unsubscribe(id)
    this.#readers.delete(id)
    reader.recording.made({ call: "unsubscribe", reader: reader.number }, () => super.unsubscribe(id), (_, tell) => tell.nothing())
  }

  override pollReady(): ReaderId | undefined {
    const id = super.pollReady()
    const reader = id === undefined ? undefined : this.#reader(id)
    return reader === undefined ? id : this.#recordReady(reader, id)
  }

  #recordReady(reader: RecordedReader, id: ReaderId | undefined): ReaderId | undefined {
    return reader.recording.made({ call: "pollReady" }, () => id, (_, tell) => tell.ready(id, reader.number))
  }

  override handleTimeout(now: Instant): void {
    if (this.#recordings.size > 0) for (const recording of this.#recordings.values()) recording.timeout(now)
    super.handleTimeout(now)
  }

  #of(name: SessionName): Recording | undefined {
    return this.#recordings.size === 0 ? undefined : this.#recordings.get(name)
  }

  #reader(id: ReaderId): RecordedReader | undefined {
    return this.#readers.size === 0 ? undefined : this.#readers.get(id)
  }

  /** What opens the session as it is; `undefined` where no version of its model reads what it shows. */
  #originOf(now: Instant, name: SessionName, state: SessionState, logFloor: Point): SessionOrigin | undefined {
    const observation = super.observe(now, name)
    const model = this.#config.models.find((each) => each.name === state.model)
    if (observation === undefined || model === undefined) return undefined
    const { epoch, point, closed } = observation
    const { view, provisional } = observation.json()
    const base = { point, shown: { view, provisional }, closed }
    // A log may have let go of more than this kernel has been told of yet: it is opened as what it is now.
    const floor = logFloor.position > point.position ? point : logFloor
    const from: SessionOrigin = { epoch, model: state.model, modelVersion: state.modelVersion, floor, base, entries: [] }
    return foldOf(model, from) === undefined ? undefined : from
  }
}
