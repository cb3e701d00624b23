// What the data file remembers of idempotency keys (L4): the first result of each, for a while. Keys go in the order of
// their appending, which is that of the positions they led to, whatever the clock did meanwhile.

import { contract, position, timestamp, type Timestamp } from "@tidemark/kernel"
import { mayFollow, type IdempotencyKey, type KeyLimits, type KeyResult, type KeyVerdict } from "@tidemark/driver"
import type { Database, Statement } from "better-sqlite3"
import { pointAt, type SessionRow, type SessionRows } from "./session-rows.ts"

interface ResultRow {
  readonly hash: string
  readonly first: number
  readonly position: number
  readonly revision: number
  readonly mark: number
}

interface KeyRow extends ResultRow {
  readonly at: number
}

interface ProducerRow {
  readonly highest: number
  readonly at: number
}

/** Rows that one step of forgetting looks at. */
const stepRows = 256

export class KeyRows {
  readonly #limits: KeyLimits
  readonly #rows: SessionRows
  readonly #key: Statement<[number, string], KeyRow>
  readonly #setKey: Statement<[number, string, string, number, number, number, number, number]>
  readonly #oldestKeys: Statement<[number, number], { key: string; at: number }>
  readonly #dropKey: Statement<[number, string]>
  readonly #producer: Statement<[number, string], ProducerRow>
  readonly #setProducer: Statement<[number, string, number, number, number]>
  readonly #oldestProducers: Statement<[number, number], { producer: string; at: number }>
  readonly #dropProducer: Statement<[number, string]>
  readonly #result: Statement<[number, string, number], ResultRow>
  readonly #setResult: Statement<[number, string, number, string, number, number, number, number]>
  readonly #oldResult: Statement<[number, string, number], number>
  readonly #dropResults: Statement<[number, string, number]>

  constructor(database: Database, limits: KeyLimits, rows: SessionRows) {
    this.#limits = limits
    this.#rows = rows
    this.#key = database.prepare("SELECT hash, first, position, revision, mark, at FROM keys WHERE session = ? AND key = ?")
    this.#setKey = database.prepare("INSERT OR REPLACE INTO keys (session, key, hash, first, position, revision, mark, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
    this.#oldestKeys = database.prepare("SELECT key, at FROM keys WHERE session = ? ORDER BY first LIMIT ?")
    this.#dropKey = database.prepare("DELETE FROM keys WHERE session = ? AND key = ?")
    this.#producer = database.prepare("SELECT highest, at FROM producers WHERE session = ? AND producer = ?")
    this.#setProducer = database.prepare("INSERT OR REPLACE INTO producers (session, producer, highest, last, at) VALUES (?, ?, ?, ?, ?)")
    this.#oldestProducers = database.prepare("SELECT producer, at FROM producers WHERE session = ? ORDER BY last LIMIT ?")
    this.#dropProducer = database.prepare("DELETE FROM producers WHERE session = ? AND producer = ?")
    this.#result = database.prepare("SELECT hash, first, position, revision, mark FROM results WHERE session = ? AND producer = ? AND n = ?")
    this.#setResult = database.prepare("INSERT INTO results (session, producer, n, hash, first, position, revision, mark) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
    const oldResult = "SELECT n FROM results WHERE session = ? AND producer = ? ORDER BY n DESC LIMIT 1 OFFSET ?"
    this.#oldResult = database.prepare<[number, string, number], number>(oldResult).pluck()
    this.#dropResults = database.prepare("DELETE FROM results WHERE session = ? AND producer = ? AND n <= ?")
  }

  check(now: Timestamp, row: SessionRow, key: IdempotencyKey, contentHash: string): KeyVerdict {
    if (key.type === "key") return verdict(this.#young(now, this.#key.get(row.session, key.text)), contentHash, undefined)
    const highest = this.#young(now, this.#producer.get(row.session, key.producer))?.highest ?? 0
    if (key.n > highest) return mayFollow(key, highest) ? { type: "new" } : { type: "key_expired", highest }
    const known = highest === 0 ? undefined : this.#result.get(row.session, key.producer, key.n)
    return known === undefined ? { type: "key_expired", highest } : verdict(known, contentHash, highest)
  }

  /** Keeps the result of an append under a key that `check` called new. */
  remember(now: Timestamp, row: SessionRow, key: IdempotencyKey, contentHash: string, { first, last }: KeyResult): void {
    const { session } = row
    if (key.type === "key") {
      if (this.#key.get(session, key.text) === undefined) row.keys += 1
      this.#setKey.run(session, key.text, contentHash, first, last.position, last.revision, last.mark, now)
      this.#keepYoungestKeys(row)
      return
    }
    const { producer, n } = key
    const known = this.#producer.get(session, producer)
    if (known === undefined) row.producers += 1
    // Forgotten, and only not swept yet: its old results are not those of the producer that starts anew.
    else if (this.#young(now, known) === undefined) this.#dropResults.run(session, producer, Number.MAX_SAFE_INTEGER)
    else contract(n > known.highest, `producer ${producer} is at ${known.highest}, ${n} is not new`)
    this.#setProducer.run(session, producer, n, last.position, now)
    this.#setResult.run(session, producer, n, contentHash, first, last.position, last.revision, last.mark)
    const beyond = this.#oldResult.get(session, producer, this.#limits.keysPerProducer)
    if (beyond !== undefined) this.#dropResults.run(session, producer, beyond)
    const tooMany = row.producers - this.#limits.keysPerSession
    // Hardly ever: that SQLite need not be asked for none of them saves 3 µs an append.
    if (tooMany > 0) for (const oldest of this.#oldestProducers.all(session, tooMany)) this.#forgetProducer(row, oldest.producer)
  }

  /** Forgets some of what is too old at `now`. Gives whether there may be more of it. */
  sweep(now: Timestamp, row: SessionRow): boolean {
    const keys = row.keys === 0 ? [] : this.#tooOld(now, this.#oldestKeys.all(row.session, stepRows))
    for (const { key } of keys) this.#dropKey.run(row.session, key)
    row.keys -= keys.length
    const producers = row.producers === 0 ? [] : this.#tooOld(now, this.#oldestProducers.all(row.session, stepRows))
    for (const { producer } of producers) this.#forgetProducer(row, producer)
    if (keys.length > 0 || producers.length > 0) this.#rows.changed(row)
    return keys.length === stepRows || producers.length === stepRows
  }

  #keepYoungestKeys(row: SessionRow): void {
    const tooMany = row.keys - this.#limits.keysPerSession
    if (tooMany <= 0) return
    for (const { key } of this.#oldestKeys.all(row.session, tooMany)) {
      this.#dropKey.run(row.session, key)
      row.keys -= 1
    }
  }

  #forgetProducer(row: SessionRow, producer: string): void {
    this.#dropResults.run(row.session, producer, Number.MAX_SAFE_INTEGER)
    this.#dropProducer.run(row.session, producer)
    row.producers -= 1
  }

  #young<Row extends { readonly at: number }>(now: Timestamp, row: Row | undefined): Row | undefined {
    return row !== undefined && timestamp(row.at) >= now - this.#limits.keyAgeMs ? row : undefined
  }

  /** Those at the old end: the first young one hides the rest, which the clock may have stamped oddly. */
  #tooOld<Row extends { readonly at: number }>(now: Timestamp, oldest: readonly Row[]): readonly Row[] {
    const young = oldest.findIndex((row) => this.#young(now, row) !== undefined)
    return young === -1 ? oldest : oldest.slice(0, young)
  }
}

function verdict(known: ResultRow | undefined, contentHash: string, highest: number | undefined): KeyVerdict {
  if (known === undefined) return { type: "new" }
  if (known.hash !== contentHash) return { type: "conflict", highest }
  return { type: "repeated", result: { first: position(known.first), last: pointAt(known) } }
}
