// What the kernel says of a process: CPU time of all its threads and children, and memory. Linux only.

import { existsSync, readdirSync, readFileSync } from "node:fs"

/** USER_HZ: what /proc counts in, whatever the kernel ticks in. It is 100 on every architecture that Node runs on. */
const ticksPerSecond = 100

/** Microseconds of user and system time, of all threads that are or were. */
export function parseCpuUs(stat: string): number {
  // The command's name stands in parentheses and may hold anything, parentheses too.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const ticks = Number(fields[11]) + Number(fields[12])
  return (ticks * 1e6) / ticksPerSecond
}

/** Bytes that are in memory. */
export function parseRssBytes(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024
}

/** `0-2,5` as numbers. */
export function parseCpuList(list: string): readonly number[] {
  return list
    .trim()
    .split(",")
    .flatMap((part) => {
      const [from, to = from] = part.split("-").map(Number)
      return from === undefined || to === undefined ? [] : Array.from({ length: to - from + 1 }, (_, i) => from + i)
    })
}

/** Of the process and of all that it started and that still is; throws when it is gone. */
export function cpuUs(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + parseCpuUs(readFileSync(`/proc/${each}/stat`, "latin1")), 0)
}

export function rssBytes(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + parseRssBytes(readFileSync(`/proc/${each}/status`, "latin1")), 0)
}

export function isThere(pid: number): boolean {
  return existsSync(`/proc/${pid}/task`)
}

/** The CPUs that this process may use. */
export function allowedCpus(): readonly number[] {
  const status = readFileSync("/proc/self/status", "latin1")
  return parseCpuList(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? "0")
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const children = readFileSync(`/proc/${pid}/task/${thread}/children`, "latin1").split(" ").filter((each) => each !== "").map(Number)
    return children.flatMap((child) => [child, ...childrenOf(child)])
  })
}
