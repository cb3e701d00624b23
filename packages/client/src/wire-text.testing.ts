// Frames as a server writes them, for tests: written out from the design's wire and not by the encoder, so that client
// and encoder cannot be wrong together.

/** One frame; `event` empty: the default type. */
export function frame(event: string, data: object, id?: string): string {
  return `${event === "" ? "" : `event: ${event}\n`}data: ${JSON.stringify(data)}\n${id === undefined ? "" : `id: ${id}\n`}\n`
}

export function hello(fields: object = {}): string {
  const shape = { session: "s", epoch: "g.i", head: 9, earliest: 1, revision: 0, model: "log", modelVersion: 1 }
  return frame("hello", { ...shape, heartbeatMs: 15_000, maxAgeMs: 600_000, ...fields })
}

export function event(position: number, data: unknown = `line ${position} \u{1f30a}`, id = `c${position}`): string {
  return frame("", { position, revision: 0, kind: "line", at: "2026-11-21T08:30:00.000Z", data }, id)
}

export function observation(position: number, fields: { readonly cursor?: string; readonly [name: string]: unknown } = {}): string {
  const shape = { session: "s", epoch: "g.i", revision: 0, position, cursor: `c${position}`, view: null, provisional: null, closed: null }
  return frame("observation", { ...shape, ...fields }, fields.cursor ?? `c${position}`)
}

export function gap(reason: string, requested = "c2"): string {
  return frame("gap", { session: "s", reason, requested, latest: "c9", earliest: 5, head: 9, revision: 0, missed: null })
}

export function caughtUp(position: number, id = `c${position}`): string {
  return frame("caught_up", { position }, id)
}

export function heartbeat(id?: string): string {
  return frame("heartbeat", {}, id)
}

export function reconnect(afterMs: number): string {
  return frame("reconnect", { afterMs, reason: "drain" })
}

export function closed(id?: string): string {
  return frame("closed", { reason: "done" }, id)
}
