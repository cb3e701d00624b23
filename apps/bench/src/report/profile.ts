// Where a process spent its time, from the CPU profile that Node leaves (`--cpu-prof`): time in each function itself, without
// what it called, as a share of the time in which anything was done at all. For reading in a terminal; the file itself
// opens in any of the tools for it.

/** The parts of a `.cpuprofile` that are looked at. */
export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[]
  /** Ids of nodes, and the microseconds before each of them. */
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

interface CallFrame {
  readonly functionName: string
  readonly url: string
  /** From 0. */
  readonly lineNumber: number
}

/** The functions that took most, as lines: share, milliseconds, name and place. */
export function hottest({ nodes, samples, timeDeltas }: CpuProfile, most: number): string[] {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const spentUs = new Map<string, number>()
  let busyUs = 0
  for (const [i, sample] of samples.entries()) {
    const frame = frames.get(sample)
    const us = timeDeltas[i] ?? 0
    if (frame === undefined || frame.functionName === "(idle)") continue
    busyUs += us
    const name = nameOf(frame)
    spentUs.set(name, (spentUs.get(name) ?? 0) + us)
  }
  const sorted = [...spentUs].toSorted(([, a], [, b]) => b - a).slice(0, most)
  return sorted.map(([name, us]) => `${((100 * us) / busyUs).toFixed(1).padStart(5)} % ${(us / 1000).toFixed(0).padStart(7)} ms  ${name}`)
}

function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === "" ? "(anonymous)" : functionName
  return url === "" ? name : `${name}  ${url.split("/").slice(-3).join("/")}:${lineNumber + 1}`
}
