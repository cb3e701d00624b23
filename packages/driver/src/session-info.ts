// A session as it is described to people and programs: what its log says, how it was set up, who reads it here.

import { idOf, type Head, type Kernel, type SessionName } from "@tidemark/kernel"
import type { SessionInfo } from "./outcomes.ts"
import type { SessionSettings } from "./session-log.ts"

export function sessionInfo(kernel: Kernel, session: SessionName, head: Head, settings: SessionSettings): SessionInfo {
  return {
    session: idOf(session),
    epoch: head.epoch,
    head: head.head.position,
    earliest: head.floor.position + 1,
    revision: head.head.revision,
    model: settings.model,
    modelVersion: kernel.modelVersion(settings.model) ?? 0,
    retention: settings.retention,
    metadata: settings.metadata,
    readers: kernel.describe(session)?.readers ?? 0,
    closed: head.closed,
  }
}
