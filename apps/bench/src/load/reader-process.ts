// The process that reads: see `readers.ts`. It is told what to do on its standard input (`calls.ts`).

import { answerCalls, type Answering } from "./calls.ts"
import type { Acknowledged } from "./delivery-check.ts"
import { Readers, type Goal, type Latencies, type OpenReaders, type Verdict } from "./readers.ts"

export interface ReaderCalls {
  open(given: OpenReaders): number
  storm(given: { readonly open: OpenReaders; readonly goal: Goal }): number
  stall(given: OpenReaders): void
  reach(given: Goal): void
  /** Forgets the latencies so far: what follows is measured. */
  measure(given: null): void
  latencies(given: null): Latencies
  cut(given: { readonly reset: boolean }): void
  verdict(given: readonly Acknowledged[]): Verdict
}

const readers = new Readers()

const calls: Answering<ReaderCalls> = {
  open: (given) => readers.open(given),
  storm: ({ open, goal }) => readers.storm(open, goal),
  stall: (given) => readers.stall(given),
  reach: (given) => readers.reach(given),
  measure: () => readers.latency.clear(),
  latencies: () => readers.latencies(),
  cut: ({ reset }) => readers.cut(reset),
  verdict: (given) => readers.verdict(given),
}

answerCalls({ ...calls })
