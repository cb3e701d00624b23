// The log without its threads, for tests: the same writer and reader on one file, answering within `submit`.

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { LogAnswer, LogRequest, SessionLog } from "@tidemark/driver"
import type { Timestamp } from "@tidemark/kernel"
import type { Database } from "better-sqlite3"
import { dataPaths, type DataPaths } from "./data-directory.ts"
import { openForReading, openForWriting, type OpenedData } from "./data-file.ts"
import { LogReader } from "./log-reader.ts"
import { LogWriter, type SqliteLogLimits, type WriterParts } from "./log-writer.ts"
import { told } from "./stored-answer.ts"

export const testLimits: SqliteLogLimits = { keyAgeMs: 60_000, keysPerSession: 20, keysPerProducer: 8, sessionsPerWorkspace: 12, diskFree: 0 }

/** A fresh folder, removed by `remove`. */
export function freshDirectory(): { readonly directory: string; readonly remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), "tidemark-log-"))
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) }
}

export class InlineLog implements SessionLog {
  readonly sole = true
  readonly keepsEntries = true
  readonly appendsInFlightMax = 1
  readonly durability = "local"
  readonly paths: DataPaths
  readonly opened: OpenedData
  readonly writer: LogWriter
  readonly #readers: Database
  readonly #reader: LogReader

  constructor(directory: string, token: () => string, instead: Partial<WriterParts> = {}) {
    this.paths = dataPaths(directory)
    this.opened = openForWriting(this.paths, { durability: "full", token })
    this.writer = new LogWriter({ ...this.opened, durability: this.durability, limits: testLimits, free: () => 1, token, ...instead })
    this.#readers = openForReading(this.paths)
    this.#reader = new LogReader(this.#readers)
  }

  submit(request: LogRequest, answer: (answer: LogAnswer) => void): void {
    switch (request.type) {
      case "head":
      case "open":
      case "range":
      case "list":
        return answer(told(this.#reader.answer(request)))
      default:
        for (const said of this.writer.answer([request])) answer(told(said))
    }
  }

  /** Does all that can wait, as of `at`. */
  tidy(at: Timestamp): void {
    this.writer.sweep(at)
    while (this.writer.maintain());
  }

  close(): void {
    this.#readers.close()
    this.opened.database.close()
    this.opened.commitsFile.close()
  }
}

/** A log on a folder of its own, which can be opened again on it; closing it removes the folder. */
export function reopenableLog(instead: Partial<WriterParts> = {}) {
  const { directory, remove } = freshDirectory()
  let drawn = 0
  const open = () => new InlineLog(directory, () => `t${drawn++}`, instead)
  let log = open()
  return {
    log,
    reopen: () => {
      log.close()
      log = open()
      return log
    },
    close: () => {
      log.close()
      remove()
    },
  }
}
