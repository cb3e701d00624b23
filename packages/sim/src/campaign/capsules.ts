// Some runs record what the kernels of their hosts are told of a session, and make the very same calls to a fresh kernel when
// the host's life is over: it must give the same answers, to the last byte (L16), whatever faults led to them.

import { contentHash, RecordingKernel, replayCapsule, type Instant, type Kernel, type KernelConfig, type LiveReplayStore } from "@tidemark/kernel"
import type { SessionModel, SessionName } from "@tidemark/kernel"
import { Violation } from "./violation.ts"

export class Capsules {
  readonly #session: SessionName
  readonly #now: () => Instant
  readonly #lives = new Map<number, { readonly lines: string[]; readonly models: readonly SessionModel[] }>()

  constructor(session: SessionName, now: () => Instant) {
    this.#session = session
    this.#now = now
  }

  /** The kernel for the next life of a host. */
  kernelOf(host: number, config: KernelConfig, parts: { readonly liveReplayStore?: LiveReplayStore }): Kernel {
    const kernel = new RecordingKernel(config, parts)
    const lines: string[] = []
    this.#lives.set(host, { lines, models: config.models })
    kernel.beginRecording(this.#now(), this.#session, { hash: (text) => contentHash(`salt ${text}`) }, (line) => lines.push(line))
    return kernel
  }

  /** The host's life is over: what its kernel answered is what a fresh one answers. */
  check(host: number): void {
    const life = this.#lives.get(host)
    this.#lives.delete(host)
    if (life === undefined || life.lines.length < 2) return
    const outcome = replayCapsule(life.lines.map((line) => line.trimEnd()).join("\n"), life.models)
    if (outcome.type !== "same") throw new Violation("L16", `the same calls gave another answer: ${JSON.stringify(outcome)}`)
  }
}
