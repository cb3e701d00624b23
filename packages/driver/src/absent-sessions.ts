// Who waits for a session that is not there (`missing: "wait"`). Being told to look is no promise: whoever looks asks the
// log, and waits again when there is still nothing. So it costs little to tell them too often, and to be told too seldom is
// to wait for ever: tell them whenever a session may have been made, also by what nobody knows the outcome of.

import type { Instant, SessionName } from "@tidemark/kernel"

export class AbsentSessions {
  readonly #waiting = new Map<SessionName, Set<(now: Instant) => void>>()

  /** How many wait. A name without anybody would be a leak, and counts as one, so that it is seen. */
  get size(): number {
    let size = 0
    for (const handlers of this.#waiting.values()) size += Math.max(1, handlers.size)
    return size
  }

  /** Calls `look` once when a session of this name may be there; the answer takes the wait back. */
  wait(name: SessionName, look: (now: Instant) => void): () => void {
    const handlers = this.#waiting.get(name) ?? new Set()
    this.#waiting.set(name, handlers.add(look))
    return () => {
      handlers.delete(look)
      if (handlers.size === 0 && this.#waiting.get(name) === handlers) this.#waiting.delete(name)
    }
  }

  /** A session of this name was made, or may have been. */
  tell(now: Instant, name: SessionName): void {
    const handlers = this.#waiting.get(name)
    if (handlers === undefined) return
    this.#waiting.delete(name)
    for (const look of handlers) look(now)
  }

  tellAll(now: Instant): void {
    for (const name of [...this.#waiting.keys()]) this.tell(now, name)
  }
}
