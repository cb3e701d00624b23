// The machine that figures are of: what it is, and which cores server and load have to themselves.

import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { cpus, loadavg, release, totalmem } from "node:os"
import { allowedCpus } from "./proc.ts"

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  /** Where the SQLite files of a run are. */
  readonly filesystem: string
  /** Of the last minute, before the first run. */
  readonly load: number
  /** In words. */
  readonly pinning: string
}

/** CPU lists as `taskset` takes them; `undefined` where nothing is pinned. */
export interface Pinning {
  readonly server: string | undefined
  readonly load: string | undefined
  readonly words: string
}

/** One half of the cores for the server, the other for the load. */
export function halves(allowed: readonly number[], hasTaskset: boolean): Pinning {
  const notPinned = { server: undefined, load: undefined }
  if (!hasTaskset) return { ...notPinned, words: "not pinned: there is no taskset; server and load may share a core" }
  if (allowed.length < 2) return { ...notPinned, words: "not pinned: there is one core; server and load share it" }
  const server = allowed.slice(0, Math.floor(allowed.length / 2)).join(",")
  const load = allowed.slice(Math.floor(allowed.length / 2)).join(",")
  return { server, load, words: `server on core ${server}, load on core ${load}` }
}

export function pinning(): Pinning {
  return halves(allowedCpus(), spawnSync("taskset", ["--version"]).status === 0)
}

/** The bench itself is load. What this process may use is asked for before. */
export function pinSelf({ load }: Pinning): void {
  if (load !== undefined) spawnSync("taskset", ["-pc", load, String(process.pid)])
}

export function machine(directory: string, pins: Pinning): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: allowedCpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.version,
    filesystem: filesystemOf(directory),
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    pinning: pins.words,
  }
}

/** Whether /proc says of processes what the bench must know. */
export function canMeasure(): boolean {
  return existsSync("/proc/self/stat") && existsSync("/proc/self/status")
}

/** How many connections one process may have: Node raises its own limit to this. */
export function openFilesMax(): number {
  const limit = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1]
  return limit === "unlimited" ? Infinity : Number(limit ?? 1024)
}

function filesystemOf(directory: string): string {
  try {
    return execFileSync("stat", ["--file-system", "--format=%T", directory], { encoding: "utf8" }).trim()
  } catch {
    return "unknown"
  }
}
