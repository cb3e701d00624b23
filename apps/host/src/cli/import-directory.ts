// An import straight into a data directory that no host holds: by the log's own way in, holes included.

import type { AppendOutcome, LogAnswer, LogRequest, SessionLog } from "@tidemark/driver"
import { jsonText, logModel, utf8Bytes, type Draft, type SessionName } from "@tidemark/kernel"
import { systemClock } from "../clock.ts"
import { limitsWith } from "../config.ts"
import { sqliteLimits } from "../open-log.ts"
import { refusing } from "./data-dir.ts"
import { CommandFailure } from "./exit.ts"
import { exists, type ImportSink } from "./import-sink.ts"
import type { ImportedEntry } from "./session-file.ts"

interface OpenLog extends SessionLog {
  close(): Promise<void>
}

export class DirectorySink implements ImportSink {
  readonly takesHoles = true
  readonly #log: OpenLog
  readonly #session: SessionName
  #made = false
  #position = 0

  private constructor(log: OpenLog, session: SessionName) {
    this.#log = log
    this.#session = session
  }

  /** Holds the directory until it is closed. */
  static async open(directory: string, session: SessionName): Promise<DirectorySink> {
    const { SqliteLog } = await import("@tidemark/log-sqlite")
    const log = await refusing(() =>
      SqliteLog.open({
        directory,
        durability: "full",
        limits: sqliteLimits(limitsWith({})),
        wall: () => systemClock.wall(),
        sweeps: false,
        report: ({ message }) => process.stderr.write(`tidemark: ${message}\n`),
        fatal: (error) => {
          throw error
        },
      }),
    )
    return new DirectorySink(log, session)
  }

  get position(): number {
    return this.#position
  }

  async refuseExisting(): Promise<void> {
    const answer = await this.#ask({ type: "head", session: this.#session })
    if (answer.type !== "absent") throw exists(this.#session)
  }

  async begin(): Promise<void> {
    const settings = { model: logModel.name, retention: {}, metadata: null }
    const answer = await this.#ask({ type: "create", session: this.#session, settings, at: systemClock.wall() })
    if (answer.type === "full") throw new CommandFailure("refused", `the workspace holds ${answer.limit} sessions, and may hold no more`)
    // What may have been made is taken back with the rest.
    this.#made = answer.type === "failed" && answer.effect === "unknown"
    if (answer.type !== "created") throw notRecorded(answer)
    if (!answer.created) throw exists(this.#session)
    this.#made = true
  }

  async record(entries: readonly ImportedEntry[]): Promise<void> {
    const part = { session: this.#session, drafts: entries.map(draftOf), key: undefined, contentHash: undefined, expect: undefined, create: undefined }
    const answer = await this.#ask({ type: "append", at: systemClock.wall(), parts: [part] })
    const outcome: AppendOutcome | undefined = answer.type === "appended" ? answer.outcomes[0] : undefined
    if (outcome?.type !== "appended") throw notRecorded(outcome ?? answer)
    this.#position = outcome.last.position
  }

  async discard(): Promise<string> {
    if (!this.#made) return "Nothing was recorded."
    const answer = await this.#ask({ type: "delete", session: this.#session })
    if (answer.type === "deleted" || answer.type === "absent") return "Nothing of it was left: import it again when that is mended."
    return `A part of it is left in ${this.#session}, which could not be deleted: delete it before you import it again.`
  }

  async close(): Promise<void> {
    await this.#log.close()
  }

  #ask(request: LogRequest): Promise<LogAnswer> {
    return new Promise((resolve) => this.#log.submit(request, resolve))
  }
}

function draftOf(entry: ImportedEntry): Draft {
  switch (entry.type) {
    case "event": {
      const data = jsonText(entry.data)
      if (entry.commit && utf8Bytes(data) > logModel.viewBytesMax) {
        throw new CommandFailure("unusable", `line ${entry.line} cannot be imported: a view has at most ${logModel.viewBytesMax} bytes`)
      }
      return { type: "event", kind: entry.kind, data, commit: entry.commit }
    }
    case "hole":
      return { type: "hole", reason: entry.reason, ...(entry.count === undefined ? {} : { count: entry.count }) }
    case "close":
      return { type: "close", reason: entry.reason }
  }
}

function notRecorded(answer: LogAnswer | AppendOutcome): CommandFailure {
  const because = "detail" in answer ? answer.detail : `the log answered ${answer.type}`
  return new CommandFailure("failed", `it could not be recorded: ${because}`)
}
