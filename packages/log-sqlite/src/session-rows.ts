// Session rows as one transaction sees them: each read once, changed in memory, written back before the commit. What a row
// says of a session in the words of the port is here too, and nowhere else.

import { epoch, idOf, mark, position, revision, sessionName, workspaceOf } from "@tidemark/kernel"
import type { Epoch, Head, Json, Point, SessionName } from "@tidemark/kernel"
import type { Retention, SessionSettings, SessionSummary } from "@tidemark/driver"
import type { Database, Statement } from "better-sqlite3"

/** A row of `sessions`; see `schema.ts` for what each column means. */
export interface SessionRow {
  readonly session: number
  readonly workspace: string
  readonly id: string
  readonly incarnation: string
  readonly model: string
  readonly metadata: string
  readonly keep_events: number | null
  readonly keep_bytes: number | null
  readonly keep_ms: number | null
  position: number
  revision: number
  mark: number
  total: number
  last_at: number
  closed: string | null
  floor_position: number
  floor_revision: number
  floor_mark: number
  floor_total: number
  cleared: number
  saved_position: number | null
  saved_version: number | null
  keys: number
  producers: number
}

const columns = [
  ...["session", "workspace", "id", "incarnation", "model", "metadata", "keep_events", "keep_bytes", "keep_ms"],
  ...["position", "revision", "mark", "total", "last_at", "closed"],
  ...["floor_position", "floor_revision", "floor_mark", "floor_total", "cleared"],
  ...["saved_position", "saved_version", "keys", "producers"],
]

export const selectSession = `SELECT ${columns.join(", ")} FROM sessions`

export class SessionRows {
  readonly #find: Statement<[string, string], SessionRow>
  readonly #from: Statement<[number, number], SessionRow>
  readonly #insert: Statement<[SessionRow]>
  readonly #update: Statement<[SessionRow]>
  readonly #updateSaved: Statement<[number, number, number]>
  readonly #remove: Statement<[number]>
  readonly #seen = new Map<SessionName, SessionRow | undefined>()
  readonly #changed = new Set<SessionRow>()

  constructor(database: Database) {
    this.#find = database.prepare(`${selectSession} WHERE workspace = ? AND id = ?`)
    this.#from = database.prepare(`${selectSession} WHERE session > ? ORDER BY session LIMIT ?`)
    this.#insert = database.prepare(`INSERT INTO sessions (${columns.join(", ")}) VALUES (${columns.map((name) => `@${name}`).join(", ")})`)
    const mutable = columns.slice(columns.indexOf("position")).filter((name) => !name.startsWith("saved_"))
    this.#update = database.prepare(`UPDATE sessions SET ${mutable.map((name) => `${name} = @${name}`).join(", ")} WHERE session = @session`)
    this.#updateSaved = database.prepare("UPDATE sessions SET saved_position = ?, saved_version = ? WHERE session = ?")
    this.#remove = database.prepare("DELETE FROM sessions WHERE session = ?")
  }

  find(name: SessionName): SessionRow | undefined {
    if (this.#seen.has(name)) return this.#seen.get(name)
    return this.#keep(name, this.#find.get(workspaceOf(name), idOf(name)))
  }

  /** The sessions after the one with this number, in the order of their numbers. */
  from(after: number, limit: number): readonly SessionRow[] {
    return this.#from.all(after, limit).map((row) => {
      const name = nameOf(row)
      return this.#seen.get(name) ?? this.#keep(name, row) ?? row
    })
  }

  insert(row: SessionRow): void {
    this.#insert.run(row)
    this.#keep(nameOf(row), row)
  }

  /** To be called after a row was changed. */
  changed(row: SessionRow): void {
    this.#changed.add(row)
  }

  /**
   * A snapshot of this place was saved. Written by itself, because SQLite writes the index over these columns anew whenever
   * a statement names them, the same or not: a page more for every commit.
   */
  saved(row: SessionRow, position: number, version: number): void {
    row.saved_position = position
    row.saved_version = version
    this.#updateSaved.run(position, version, row.session)
  }

  remove(row: SessionRow): void {
    this.#remove.run(row.session)
    this.#changed.delete(row)
    this.#keep(nameOf(row), undefined)
  }

  /** Writes what changed; to be called last in a transaction. */
  flush(): void {
    for (const row of this.#changed) this.#update.run(row)
    this.#changed.clear()
  }

  /** Between two transactions: what was read in the one is not known in the next. */
  forget(): void {
    this.#seen.clear()
    this.#changed.clear()
  }

  #keep(name: SessionName, row: SessionRow | undefined): SessionRow | undefined {
    this.#seen.set(name, row)
    return row
  }
}

export function nameOf(row: SessionRow): SessionName {
  return sessionName(row.workspace, row.id)
}

export function epochOf(generation: string, row: SessionRow): Epoch {
  return epoch(generation, row.incarnation)
}

/** Of anything with these three columns. */
export function pointAt(row: { readonly position: number; readonly revision: number; readonly mark: number }): Point {
  return { position: position(row.position), revision: revision(row.revision), mark: mark(row.mark) }
}

export function floorOf(row: SessionRow): Point {
  return pointAt({ position: row.floor_position, revision: row.floor_revision, mark: row.floor_mark })
}

export function headOf(generation: string, row: SessionRow): Head {
  const closed = row.closed === null ? null : { reason: row.closed }
  return { epoch: epochOf(generation, row), head: pointAt(row), floor: floorOf(row), closed }
}

export function settingsOf(row: SessionRow): SessionSettings {
  const metadata: Json = JSON.parse(row.metadata)
  return { model: row.model, retention: retentionOf(row), metadata }
}

export function retentionOf(row: SessionRow): Retention {
  return {
    ...(row.keep_events === null ? {} : { events: row.keep_events }),
    ...(row.keep_bytes === null ? {} : { bytes: row.keep_bytes }),
    ...(row.keep_ms === null ? {} : { ageMs: row.keep_ms }),
  }
}

export function summaryOf(generation: string, row: SessionRow): SessionSummary {
  return { session: nameOf(row), head: headOf(generation, row), settings: settingsOf(row) }
}
