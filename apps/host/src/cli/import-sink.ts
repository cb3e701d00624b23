// Where an import goes. `ImportSink` is all that the command knows, so that entries may go to a host or into a log itself;
// here is the host: a session that this import makes, and to which it alone appends. Every append names the place it
// expects the session at and a key of its own, so that one whose answer was lost is repeated and recorded once, and
// somebody else's event in between ends the import instead of being mixed into it.

import { randomUUID } from "node:crypto"
import { appendLines, ClientError, close, commit, createSession, deleteSession, getSession, observe } from "@tidemark/client"
import type { AppendOptions, SessionAddress } from "@tidemark/client"
import { CommandFailure } from "./exit.ts"
import type { Patience } from "./patience.ts"
import type { ImportedEntry } from "./session-file.ts"

/** All of an import is recorded, in order, or nothing of it is left. */
export interface ImportSink {
  /** False: an input with a hole is refused, with this advice. */
  readonly takesHoles: true | { readonly advice: string }
  /** Throws a `refused` failure when the session is there. */
  refuseExisting(): Promise<void>
  /** Makes the session. Throws as `refuseExisting` does, having changed nothing, when it is there by now. */
  begin(): Promise<void>
  /** Records these after all before, at least one, none of which follows a close. Throws `NotRecorded`, or what the client throws. */
  record(entries: readonly ImportedEntry[]): Promise<void>
  /** Where the session stands: the position of the last entry recorded. */
  readonly position: number
  /** Takes everything back; what is left of it, and what to do then, as a sentence. */
  discard(): Promise<string>
  /** Lets go of what it holds; the last call. */
  close(): Promise<void>
}

/** What of the input the sink would not take. */
export class NotRecorded extends Error {
  readonly line: number

  constructor(line: number, cause: ClientError) {
    super(cause.message, { cause })
    this.name = "NotRecorded"
    this.line = line
  }
}

export class HostSink implements ImportSink {
  readonly takesHoles = { advice: "a hole cannot be recorded through a host; stop it, and import with --data-dir" }
  readonly #at: SessionAddress
  readonly #patience: Patience
  readonly #producer = `import-${randomUUID()}`
  /** Once the session is made. */
  #made: { readonly epoch: string; cursor: string; position: number } | undefined
  /** Somebody else's entries are in it: it is not ours to delete any more. */
  #shared = false

  /** `at` with a signal: aborting it ends what is under way, but not `discard`. */
  constructor(at: SessionAddress, patience: Patience) {
    this.#at = at
    this.#patience = patience
  }

  get position(): number {
    return this.#made?.position ?? 0
  }

  async refuseExisting(): Promise<void> {
    const there = await getSession(this.#at).catch((error: unknown) => {
      if (error instanceof ClientError && error.code === "unknown-session") return undefined
      throw error
    })
    if (there !== undefined) throw exists(this.#at.session)
  }

  async begin(): Promise<void> {
    // Not ended by the signal: whether the session was made must be known, or it would be left behind.
    const { created, epoch } = await createSession(this.#unended).catch((error: unknown) => {
      throw error instanceof ClientError && error.code === "settings-conflict" ? exists(this.#at.session) : error
    })
    if (!created) throw exists(this.#at.session)
    this.#made = { epoch, cursor: "", position: 0 }
    const { cursor, epoch: observed, position } = await this.#patience.ask(() => observe(this.#at))
    this.#made.cursor = cursor
    if (observed !== epoch || position > 0) throw this.#interfered()
  }

  async record(entries: readonly ImportedEntry[]): Promise<void> {
    let events: EventLine[] = []
    for (const entry of entries) {
      if (entry.type === "event" && !entry.commit) {
        events.push({ line: entry.line, draft: JSON.stringify({ kind: entry.kind, data: entry.data }) })
        continue
      }
      await this.#append(events)
      events = []
      if (entry.type === "event") await this.#send(entry, (options) => commit(this.#at, { view: entry.data, kind: entry.kind }, { ...options, create: false }))
      if (entry.type === "close") await this.#send(entry, (options) => close(this.#at, entry.reason, options))
    }
    await this.#append(events)
  }

  async discard(): Promise<string> {
    const at = this.#unended
    const { session } = at
    if (this.#made === undefined) return "Nothing was recorded."
    if (this.#shared) return `${session} is left as it is, because others have written to it: look at it, and delete it if it is not wanted.`
    try {
      if ((await getSession(at)).epoch === this.#made.epoch) await deleteSession(at)
      return `Nothing of it was left in ${session}: import it again when that is mended.`
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      if (error.code === "unknown-session") return `Nothing of it was left in ${session}: import it again when that is mended.`
      return `A part of it is left in ${session}, which could not be deleted (${error.message}): delete it before you import it again.`
    }
  }

  async close(): Promise<void> {}

  /** A batch that the host refuses as a whole is halved until the line is found, or the halves are small enough. */
  async #append(lines: readonly EventLine[]): Promise<void> {
    const last = lines.at(-1)
    if (last === undefined) return
    try {
      await this.#send(last, (options) => appendLines(this.#at, lines.map(({ draft }) => draft), { ...options, create: false }))
    } catch (error) {
      if (!(error instanceof NotRecorded) || lines.length === 1) throw error
      const half = lines.length >> 1
      await this.#append(lines.slice(0, half))
      await this.#append(lines.slice(half))
    }
  }

  async #send({ line }: { readonly line: number }, append: (options: AppendOptions) => ReturnType<typeof appendLines>): Promise<void> {
    const made = this.#made
    if (made === undefined) throw new Error("the session is made before anything is recorded in it")
    const options = { key: `@${this.#producer}:${line}`, ifMatch: made.cursor }
    try {
      const receipt = await this.#patience.ask(() => append(options))
      made.cursor = receipt.cursor
      made.position = receipt.last
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      if (error.status === 400 || error.status === 413) throw new NotRecorded(line, error)
      if (error.code === "expectation-failed" || error.code === "session-closed") throw this.#interfered()
      throw error
    }
  }

  /** The session's address, for what no signal ends. */
  get #unended(): SessionAddress {
    const { signal: _ended, ...at } = this.#at
    return at
  }

  #interfered(): CommandFailure {
    this.#shared = true
    return new CommandFailure("refused", `somebody else writes to ${this.#at.session} while it is imported`)
  }
}

interface EventLine {
  readonly line: number
  readonly draft: string
}

export function exists(session: string): CommandFailure {
  return new CommandFailure("refused", `${session} is there already, and an import makes its session: name another one, or delete it first`)
}
