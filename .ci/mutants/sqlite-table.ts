// The mutants of the SQLite log; see `table.ts`. What notices them runs without threads, from source.

import type { Mutant } from "./mutant.ts"

const sqlite = "packages/log-sqlite/src"
const laws = `${sqlite}/inline-log.test.ts`
const writing = `${sqlite}/log-writer.test.ts`
const opening = `${sqlite}/data-file.test.ts`

export const sqliteMutants: readonly Mutant[] = [
  {
    law: "L1",
    breaks: "the number of a deleted session is used again, and what is left of the one is removed from the other",
    file: `${sqlite}/log-writer.ts`,
    line: "this.#setMadeSessions.run(session)",
    instead: "this.#setMadeSessions.run(session - 1)",
    tests: [writing],
  },
  {
    law: "L1",
    breaks: "trimming moves the floor and leaves the mark there behind",
    file: `${sqlite}/trimming.ts`,
    line: "row.floor_mark = last.mark",
    instead: "row.floor_revision = last.revision + 0",
    tests: [laws],
  },
  {
    law: "L2",
    breaks: "a data file that lacks commits is taken for the one that was written last",
    file: `${sqlite}/data-directory.ts`,
    line: "return beside !== undefined && (beside.generation !== now.generation || beside.commits > now.commits)",
    instead: "return beside !== undefined && beside.generation !== now.generation",
    tests: [opening],
  },
  {
    law: "L2",
    breaks: "the counter is never written, and a backup is not noticed",
    file: `${sqlite}/transactions.ts`,
    line: "commitsFile.write({ generation, commits: this.#commits, moved: this.#moved })",
    instead: "commitsFile.write({ generation, commits: 0, moved: 0 })",
    tests: [opening],
  },
  {
    law: "L3",
    breaks: "a head forgets the commits it has seen",
    file: `${sqlite}/log-writer.ts`,
    line: "row.revision = entry.revision",
    instead: "row.revision = 0",
    tests: [laws],
  },
  {
    law: "L4",
    breaks: "a key is the same whatever it came with",
    file: `${sqlite}/key-rows.ts`,
    line: 'if (known.hash !== contentHash) return { type: "conflict", highest }',
    instead: 'if (known.hash === "") return { type: "conflict", highest }',
    tests: [laws],
  },
  {
    law: "L4",
    breaks: "a producer that starts anew meets the results of the one that was forgotten",
    file: `${sqlite}/key-rows.ts`,
    line: "else if (this.#young(now, known) === undefined) this.#dropResults.run(session, producer, Number.MAX_SAFE_INTEGER)",
    instead: "else if (this.#young(now, known) === undefined) this.#dropResults.run(session, producer, 0)",
    tests: [laws],
  },
  {
    law: "L5",
    breaks: "a log is opened without being synced",
    file: `${sqlite}/data-file.ts`,
    line: "syncNow(database, paths, afterBreak)",
    instead: "void syncNow",
    tests: [opening],
  },
  {
    law: "L5",
    breaks: "a commit whose sync failed is said to have had no effect",
    file: `${sqlite}/transactions.ts`,
    line: 'if (codeOf(error) !== "SQLITE_FULL") throw new LogBroken(error, "unknown")',
    instead: 'if (codeOf(error) !== "SQLITE_FULL") throw new LogBroken(error, "none")',
    tests: [writing],
  },
  {
    law: "L5",
    breaks: "a connection whose statement failed goes on as if nothing had been",
    file: `${sqlite}/transactions.ts`,
    line: 'if (code.startsWith("SQLITE_") && code !== "SQLITE_FULL") throw new LogBroken(error, "none")',
    instead: 'if (code === "SQLITE_NEVER") throw new LogBroken(error, "none")',
    tests: [writing],
  },
  {
    law: "L6",
    breaks: "a page ends at a missing entry as if the log ended there",
    file: `${sqlite}/log-reader.ts`,
    line: "const complete = texts.length >= budget.events || position + texts.length === row.position",
    instead: "const complete = true",
    tests: [writing],
  },
  {
    law: "L7",
    breaks: "the mark of a cursor is not compared",
    file: `${sqlite}/log-reader.ts`,
    line: 'if (after.point !== undefined && after.point.mark !== here.mark) return { type: "unreadable", reason: "diverged", head }',
    instead: 'if (after.point !== undefined && after.point.revision < 0) return { type: "unreadable", reason: "diverged", head }',
    tests: [laws],
  },
  {
    law: "L10",
    breaks: "a log on disk trims entries that no snapshot covers",
    file: `${sqlite}/trimming.ts`,
    line: "const most = row.saved_position ?? 0",
    instead: "const most = row.position",
    tests: [laws],
  },
  {
    law: "L16",
    breaks: "the wall clock goes back, and `at` with it",
    file: `${sqlite}/log-writer.ts`,
    line: "const at = timestamp(Math.max(wall, row.last_at))",
    instead: "const at = wall",
    tests: [laws],
  },
  {
    law: "L17",
    breaks: "what a crash left behind the floor stays for ever",
    file: `${sqlite}/trimming.ts`,
    line: "if (row.cleared < row.floor_position) this.#due.set(nameOf(row), row.session)",
    instead: "if (row.cleared > row.floor_position) this.#due.set(nameOf(row), row.session)",
    tests: [writing],
  },
  {
    law: "L17",
    breaks: "a full disk is found out by writing to it",
    file: `${sqlite}/log-writer.ts`,
    line: "if (left >= limits.diskFree || left + this.#freePages() >= limits.diskFree) return undefined",
    instead: "if (left >= 0) return undefined",
    tests: [writing],
  },
]
