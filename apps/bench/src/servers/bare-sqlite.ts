// The SQLite driver with nothing around it, as a measure: rows of the size of a sealed event, one commit for each or one
// for each batch, and the same rows read back in pages. Prints its figures as JSON.
//
//   bare-sqlite append FILE full|normal BATCH MS
//   bare-sqlite read FILE EVENTS

import Database from "better-sqlite3"
import { eventTemplate } from "../load/event-text.ts"

const [what = "", file = "", ...rest] = process.argv.slice(2)

/** As long as what Tidemark stores of an event. */
const sealed = `{"position":1000000,"revision":0,"kind":"bench","at":"2026-01-01T00:00:00.000Z","data":${eventTemplate}}`

function open(level: string): Database.Database {
  const database = new Database(file)
  database.pragma("journal_mode = WAL")
  database.pragma(`synchronous = ${level === "full" ? "FULL" : "NORMAL"}`)
  const columns = "session INTEGER, position INTEGER, mark INTEGER, text TEXT, PRIMARY KEY (session, position)"
  database.exec(`CREATE TABLE IF NOT EXISTS entries (${columns}) WITHOUT ROWID`)
  return database
}

function append(level: string, batch: number, ms: number): object {
  const database = open(level)
  const insert = database.prepare<[number, number]>(`INSERT INTO entries VALUES (1, ?, ?, '${sealed}')`)
  let position = 0
  const commit = database.transaction(() => {
    for (let i = 0; i < batch; i++) {
      position += 1
      insert.run(position, position * 7919)
    }
  })
  const began = performance.now()
  while (performance.now() - began < ms) commit()
  const seconds = (performance.now() - began) / 1000
  database.close()
  return { eventsPerSecond: position / seconds }
}

function read(events: number): object {
  const database = open("full")
  const insert = database.prepare<[number, number]>(`INSERT INTO entries VALUES (1, ?, ?, '${sealed}')`)
  database.transaction(() => {
    for (let position = 1; position <= events; position++) insert.run(position, position * 7919)
  })()
  database.close()
  const reopened = open("full")
  const page = reopened.prepare<[number], { position: number; mark: number; text: string }>(
    "SELECT position, mark, text FROM entries WHERE session = 1 AND position > ? ORDER BY position LIMIT 1000",
  )
  const began = performance.now()
  let last = 0
  let bytes = 0
  for (let rows = page.all(last); rows.length > 0; rows = page.all(last)) {
    for (const { position, text } of rows) {
      if (position !== last + 1) throw new Error(`after row ${last} came ${position}`)
      last = position
      bytes += text.length
    }
  }
  const seconds = (performance.now() - began) / 1000
  if (last !== events || bytes !== events * sealed.length) throw new Error(`${last} of ${events} rows were read`)
  reopened.close()
  return { perSecond: events / seconds }
}

const figures = what === "append" ? append(rest[0] ?? "full", Number(rest[1]), Number(rest[2])) : read(Number(rest[0]))
process.stdout.write(`${JSON.stringify(figures)}\n`)
