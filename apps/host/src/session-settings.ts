// What a session is made with, and what of it is kept.

import { logModel } from "@tidemark/kernel"
import type { Retention, SessionSettings } from "@tidemark/driver"
import type { Limits } from "./limits.ts"

/** What a session is made with where nobody says. */
export function defaultSettings(limits: Limits): SessionSettings {
  const retention = defined({ events: limits["retention-events"], bytes: limits["retention-bytes"], ageMs: limits["retention-age"] })
  return { model: logModel.name, retention, metadata: null }
}

type Bounds = { readonly [Bound in keyof Retention]?: Retention[Bound] | undefined }

/** The bounds that are there. */
export function defined({ events, bytes, ageMs }: Bounds = {}): Retention {
  return {
    ...(events === undefined ? {} : { events }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(ageMs === undefined ? {} : { ageMs }),
  }
}
