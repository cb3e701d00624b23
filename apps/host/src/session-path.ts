// How a path names a session, and what path to name it with in a sentence.

import { idOf, sessionName, workspaceOf, type SessionName } from "@tidemark/kernel"

export interface SessionPath {
  readonly workspace?: string | undefined
  readonly id: string
}

/** What the short path means, as long as there is no authentication. */
export const defaultWorkspace = "default"

export function nameOf(path: SessionPath): SessionName {
  return sessionName(path.workspace ?? defaultWorkspace, path.id)
}

/** The short one where there is one. */
export function pathOf(name: SessionName): string {
  const workspace = workspaceOf(name)
  return `/v1${workspace === defaultWorkspace ? "" : `/workspaces/${workspace}`}/sessions/${idOf(name)}`
}
