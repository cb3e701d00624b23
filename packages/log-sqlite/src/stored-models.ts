// Which models the sessions on disk are of, so that a host can refuse to start with models it does not have, before the
// first reader finds out.

import type { SessionName } from "@tidemark/kernel"
import { dataPaths } from "./data-directory.ts"
import { openForReading } from "./data-file.ts"
import { nameOf, selectSession, type SessionRow } from "./session-rows.ts"

/** Sessions whose snapshots were saved by one version of one model. */
export interface StoredModel {
  readonly model: string
  /** `undefined`: no snapshot was saved yet. */
  readonly version: number | undefined
  /** One of them. */
  readonly session: SessionName
  /** One whose view can only come from its snapshot, because what it was made of was trimmed; `undefined`: there is none. */
  readonly trimmed: SessionName | undefined
}

/** Throws `DataRefused` when the data file cannot be read. */
export function storedModels(directory: string): readonly StoredModel[] {
  const database = openForReading(dataPaths(directory))
  try {
    const kinds = database.prepare<[], { model: string; saved_version: number | null }>("SELECT DISTINCT model, saved_version FROM sessions").all()
    const any = database.prepare<[string, number | null], SessionRow>(`${selectSession} WHERE model = ? AND saved_version IS ? LIMIT 1`)
    const trimmed = database.prepare<[string, number | null], SessionRow>(
      `${selectSession} WHERE model = ? AND saved_version IS ? AND floor_position > 0 LIMIT 1`,
    )
    return kinds.flatMap(({ model, saved_version: version }) => {
      const [one, cut] = [any.get(model, version), trimmed.get(model, version)]
      if (one === undefined) return []
      return [{ model, version: version ?? undefined, session: nameOf(one), trimmed: cut === undefined ? undefined : nameOf(cut) }]
    })
  } finally {
    database.close()
  }
}
