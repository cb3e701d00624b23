// How a path names a session.

import { sessionName, type SessionName } from "@tidemark/kernel"

export interface SessionPath {
  readonly workspace?: string | undefined
  readonly id: string
}

/** What the short path means, as long as there is no authentication. */
export const defaultWorkspace = "default"

export function nameOf(path: SessionPath): SessionName {
  return sessionName(path.workspace ?? defaultWorkspace, path.id)
}
