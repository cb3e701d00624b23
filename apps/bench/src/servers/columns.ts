// The servers that stand side by side in a run: Tidemark's host, the two raw loops, and peers where they are found
// installed. What is not installed is no column, and is said in one line; nothing is ever installed from here.

import { createRequire } from "node:module"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import type { DialectName } from "../load/dialect.ts"
import { ownProgram } from "../machine/child.ts"
import type { FaultKind } from "./fault.ts"
import { findNchan, startNchan } from "./nchan.ts"
import { startServer, type Server } from "./server.ts"

/** What a scenario wants of a server, beyond what all of them are started with. */
export interface ServerNeeds {
  /** As `taskset` takes it. */
  readonly cpus: string | undefined
  /** An empty directory, for what is kept on disk. */
  readonly directory: string
  readonly log?: "memory" | "sqlite"
  readonly durability?: "full" | "normal"
  /** Past events that a raw loop keeps. */
  readonly ringEvents?: number
  /** Entries that Tidemark keeps in memory of a session. */
  readonly windowEvents?: number
  /** Tidemark's pause between two writes to one reader under load; left out: its default. */
  readonly flushPauseMs?: number
  /** Planted in a raw loop. */
  readonly fault?: FaultKind | undefined
  /** Where a Node server leaves a CPU profile of itself. */
  readonly profiles?: string | undefined
}

export interface Column {
  readonly name: ColumnName
  readonly label: string
  /** The part of a scenario's events that it is given: slow ones are measured on fewer. */
  readonly share: number
  start(needs: ServerNeeds): Promise<Server>
}

export const columnLabels = {
  tidemark: "Tidemark",
  plain: "raw, write an event",
  coalescing: "raw, write a tick",
  direct: "raw, past the response",
  effect: "Effect stream",
  "better-sse": "better-sse",
  nchan: "nginx Nchan",
} as const

export type ColumnName = keyof typeof columnLabels

export interface Columns {
  readonly columns: readonly Column[]
  /** One sentence for each peer that is not there. */
  readonly missing: readonly string[]
}

/** `peers`: a folder whose `node_modules` is looked into besides the bench's own. */
export function findColumns(peers: string | undefined): Columns {
  const found: Column[] = [tidemark, rawLoop("plain"), rawLoop("coalescing"), rawLoop("direct")]
  const missing: string[] = []
  const effect = findPackage("effect", peers)
  if (effect === undefined) missing.push("no column for an Effect stream per subscriber: the package effect is not installed")
  else found.push(peer("effect", "raw", 0.05, "servers/peer-effect"))
  const betterSse = findPackage("better-sse", peers)
  if (betterSse === undefined) missing.push("no column for better-sse: install it in a folder of your own and name that with --peers")
  else found.push(peer("better-sse", "unnumbered", 0.5, "servers/peer-better-sse", pathToFileURL(betterSse).href))
  const nginx = findNchan()
  if (nginx === undefined) missing.push("no column for nginx with Nchan: nginx is not on the PATH, or has no ngx_nchan_module")
  else found.push({ name: "nchan", label: columnLabels.nchan, share: 1, start: (needs) => startNchan(nginx, needs) })
  return { columns: found, missing }
}

/** Node's way to a package: from the bench, else from the folder that was named. */
function findPackage(name: string, peers: string | undefined): string | undefined {
  const from = [import.meta.url, ...(peers === undefined ? [] : [pathToFileURL(join(peers, "none.js")).href])]
  for (const each of from) {
    try {
      return createRequire(each).resolve(name)
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND")) throw error
    }
  }
  return undefined
}

/** Limits out of the way: what is measured is the work, not the refusal of it. */
const limits: Readonly<Record<string, string>> = {
  heartbeat: "10min",
  "max-age": "1d",
  "write-deadline": "1h",
  "readers-per-session": "100000",
  "memory-log-events": "10000000",
  "memory-log-bytes": "8GiB",
  "disk-free": "0",
}

/** Tidemark's command line, as a user has it. */
function hostProgram(): string {
  return createRequire(import.meta.url).resolve("tidemark/bin/tidemark.js")
}

const tidemark: Column = {
  name: "tidemark",
  label: columnLabels.tidemark,
  share: 1,
  start({ cpus, directory, log = "memory", durability = "full", windowEvents, flushPauseMs, profiles }) {
    const asked = {
      ...(windowEvents === undefined ? {} : { "window-events": String(windowEvents) }),
      ...(flushPauseMs === undefined ? {} : { "flush-pause": `${flushPauseMs}ms` }),
    }
    const all = { ...limits, ...asked }
    const limited = Object.entries(all).flatMap(([name, value]) => ["--limit", `${name}=${value}`])
    const serve = ["serve", "--port", "0", "--log", log, "--durability", durability, "--data-dir", join(directory, "data")]
    return startServer([hostProgram(), ...serve, ...limited], { cpus, dialect: "tidemark", profiles })
  },
}

const rawFlags = { plain: [], coalescing: ["--coalesce"], direct: ["--direct"] } as const

function rawLoop(name: keyof typeof rawFlags): Column {
  return {
    name,
    label: columnLabels[name],
    share: 1,
    start({ cpus, ringEvents = 2048, fault, profiles }) {
      const planted = fault === undefined ? [] : ["--fault", fault]
      const words = [ownProgram("servers/raw-loop"), ...rawFlags[name], "--ring", String(ringEvents), ...planted]
      return startServer(words, { cpus, dialect: "raw", profiles })
    },
  }
}

function peer(name: ColumnName, dialect: DialectName, share: number, program: string, ...words: readonly string[]): Column {
  const start = ({ cpus, profiles }: ServerNeeds): Promise<Server> => startServer([ownProgram(program), ...words], { cpus, dialect, profiles })
  return { name, label: columnLabels[name], share, start }
}
