// What every route works with, and how a route asks the driver: as an effect that is taken back when the client leaves.

import * as Effect from "effect/Effect"
import type { LogFailed, SessionSettings } from "@tidemark/driver"
import type { HostConfig } from "./config.ts"
import type { Ask, Engine } from "./engine.ts"
import type { Meter } from "./meter.ts"
import type { OpenStreams } from "./open-streams.ts"
import type { Rates } from "./rates.ts"
import type { Recordings } from "./recordings.ts"

export interface HostParts {
  readonly config: HostConfig
  readonly engine: Engine
  readonly meter: Meter
  readonly streams: OpenStreams
  readonly rates: Rates
  readonly recordings: Recordings
  /** What a session is made with where nobody says. */
  readonly newSession: SessionSettings
  /** For the operator: a fault of ours, and where it surfaced. */
  readonly report: (where: string, fault: unknown) => void
  /** Of the release. */
  readonly version: string
}

/** Asks the driver; interrupting the effect abandons the call, which undoes what it started (an append stands). */
export function ask<Outcome>(engine: Engine, start: Ask<Outcome>): Effect.Effect<Outcome | LogFailed> {
  return Effect.async<Outcome | LogFailed>((resume) => {
    const takeBack = engine.ask(start, (outcome) => resume(Effect.succeed(outcome)))
    return Effect.sync(takeBack)
  })
}
