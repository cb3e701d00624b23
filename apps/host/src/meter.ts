// What the host counts, and how it is told: plain numbers that the delivery loop adds to, and one text in the format that
// Prometheus reads (text format 0.0.4). Counters only grow; gauges are asked when the text is made.

import type { ProblemName } from "@tidemark/protocol"

export class Meter {
  /** TCP connections that are open. */
  connections = 0
  /** Streams that are open, the ones that wait for their session included. */
  streams = 0
  requests = 0
  appends = 0
  eventsAppended = 0
  eventsDelivered = 0
  bytesReceived = 0
  bytesStreamed = 0
  /** Clients that took nothing until the write deadline. */
  stalled = 0
  readonly refused = new Map<ProblemName, number>()

  refuse(name: ProblemName): void {
    this.refused.set(name, (this.refused.get(name) ?? 0) + 1)
  }
}

/** One metric with its samples; a label's value stands for the rest of the braces. */
export interface Metric {
  readonly name: string
  readonly type: "counter" | "gauge"
  readonly help: string
  readonly samples: readonly Sample[]
}

interface Sample {
  readonly label?: readonly [name: string, value: string]
  readonly value: number
}

export function counter(name: string, help: string, value: number): Metric {
  return { name, type: "counter", help, samples: [{ value }] }
}

export function gauge(name: string, help: string, value: number): Metric {
  return { name, type: "gauge", help, samples: [{ value }] }
}

/** One sample per key of `values`. */
export function counters(name: string, help: string, label: string, values: Iterable<readonly [string, number]>): Metric {
  return { name, type: "counter", help, samples: [...values].map(([key, value]) => ({ label: [label, key], value })) }
}

/** All of it, names prefixed with `tidemark_`. */
export function prometheusText(metrics: readonly Metric[]): string {
  return metrics
    .flatMap(({ name, type, help, samples }) => [
      `# HELP tidemark_${name} ${help}`,
      `# TYPE tidemark_${name} ${type}`,
      ...samples.map(({ label, value }) => `tidemark_${name}${label === undefined ? "" : braces(label)} ${value}`),
    ])
    .map((line) => `${line}\n`)
    .join("")
}

function braces([name, value]: readonly [name: string, value: string]): string {
  return `{${name}=${JSON.stringify(value)}}`
}
