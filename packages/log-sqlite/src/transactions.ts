// How a transaction of the writer begins and ends, and what is known then. A statement that fails takes all of its
// transaction back, and nothing has happened. A commit that fails may have happened: then nobody knows what the disk holds,
// and this connection is not used again (`LogBroken`) until the file was opened and synced anew.

import type { Database, Statement } from "better-sqlite3"
import type { CommitsFile } from "./data-directory.ts"
import { codeOf, isDamage, messageOf } from "./faults.ts"

/** The file must be opened and synced before anything else is done with it. */
export class LogBroken extends Error {
  /** Of the transaction that was under way: whether anybody knows that nothing of it was committed. */
  readonly effect: "none" | "unknown"
  /** The content of the file is wrong: opening it again will not help. */
  readonly damaged: boolean

  constructor(cause: unknown, effect: "none" | "unknown") {
    super(`${messageOf(cause)} (${codeOf(cause) || "no code"})`, { cause })
    this.name = "LogBroken"
    this.effect = effect
    this.damaged = isDamage(cause)
  }
}

export interface TransactionsParts {
  readonly database: Database
  readonly commitsFile: Pick<CommitsFile, "write">
  readonly generation: string
  readonly commits: number
}

interface WalState {
  readonly busy: number
  readonly log: number
  readonly checkpointed: number
}

/** Frames of the write-ahead log (4 KiB each) after which they are moved into the data file. */
const checkpointFrames = 1000

export class Transactions {
  readonly #parts: TransactionsParts
  readonly #setCommits: Statement<[number]>
  readonly #changes: Statement<[], number>
  readonly #wal: Statement<[], WalState>
  readonly #checkpoint: Statement<[], WalState>
  #commits: number
  /** As many of them are in the data file itself, without its write-ahead log: all, when this begins. */
  #moved: number

  constructor(parts: TransactionsParts) {
    const { database } = parts
    this.#parts = parts
    this.#commits = parts.commits
    this.#moved = parts.commits
    this.#setCommits = database.prepare("UPDATE log SET commits = ?")
    this.#changes = database.prepare<[], number>("SELECT total_changes()").pluck()
    this.#wal = database.prepare("PRAGMA wal_checkpoint(NOOP)")
    this.#checkpoint = database.prepare("PRAGMA wal_checkpoint(PASSIVE)")
  }

  /** Committed when it returns. Throws what `work` throws, with nothing done, or `LogBroken`. */
  run<Result>(work: () => Result): Result {
    const { database } = this.#parts
    const before = this.#changes.get()
    let result: Result
    try {
      database.exec("BEGIN IMMEDIATE")
      result = work()
      if (this.#changes.get() === before) {
        database.exec("ROLLBACK")
        return result
      }
      this.#setCommits.run(this.#commits + 1)
    } catch (error) {
      this.#takeBack(error)
      throw error
    }
    this.#commit()
    this.#commits += 1
    this.#count()
    return result
  }

  /** Moves the write-ahead log into the data file when it has grown. Between transactions, where nobody waits for it. */
  checkpointIfDue(): void {
    try {
      const wal = this.#wal.get()
      if (wal === undefined || wal.log - wal.checkpointed < checkpointFrames) return
      const done = this.#checkpoint.get()
      if (done === undefined || done.busy !== 0 || done.checkpointed !== done.log) return
      this.#moved = this.#commits
      this.#count()
    } catch (error) {
      // A full disk keeps the frames where they are, and so does a reader: they are safe there.
      if (codeOf(error) === "SQLITE_FULL" || codeOf(error).startsWith("SQLITE_BUSY")) return
      throw new LogBroken(error, "none")
    }
  }

  /** A counter that could not be written stays behind, which says nothing; only one that is ahead says something. */
  #count(): void {
    const { commitsFile, generation } = this.#parts
    try {
      commitsFile.write({ generation, commits: this.#commits, moved: this.#moved })
    } catch (error) {
      if (codeOf(error) === "") throw error
    }
  }

  /** The work failed before anything was committed: gone without a trace, or else nothing here can be believed. */
  #takeBack(error: unknown): void {
    const { database } = this.#parts
    try {
      if (database.inTransaction) database.exec("ROLLBACK")
    } catch (failure) {
      throw new LogBroken(failure, "unknown")
    }
    const code = codeOf(error)
    if (code.startsWith("SQLITE_") && code !== "SQLITE_FULL") throw new LogBroken(error, "none")
  }

  #commit(): void {
    const { database } = this.#parts
    try {
      database.exec("COMMIT")
    } catch (error) {
      // No room for the frames: the last of them, which makes the commit, was not written.
      if (codeOf(error) !== "SQLITE_FULL") throw new LogBroken(error, "unknown")
      this.#takeBack(error)
      throw error
    }
  }
}
