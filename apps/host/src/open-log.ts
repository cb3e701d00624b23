// The log that the configuration names, for as long as the scope is open. What the SQLite log has to say of itself, and is
// nobody's answer, goes to the host's own log.

import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { MemoryLog, type KeyLimits, type SessionLog } from "@tidemark/driver"
import type { SessionModel } from "@tidemark/kernel"
import { DataRefused, SqliteLog, storedModels, type LogNotice, type SqliteLogLimits, type StoredModel } from "@tidemark/log-sqlite"
import type { Chance, Clock } from "./clock.ts"
import type { HostConfig } from "./config.ts"
import type { Limits } from "./limits.ts"

export interface LogParts {
  readonly config: HostConfig
  /** What the host can fold: sessions of any other are refused at the start. */
  readonly models: readonly SessionModel[]
  readonly clock: Clock
  readonly chance: Chance
  readonly fatal: (error: unknown) => void
}

export function openLog(parts: LogParts): Effect.Effect<SessionLog, DataRefused, Scope.Scope> {
  const { config, chance } = parts
  return config.log === "sqlite" ? sqliteLog(parts) : Effect.sync(() => memoryLog(config, chance))
}

function sqliteLog({ config: { dataDir, durability, limits }, models, clock, fatal }: LogParts) {
  return Effect.flatMap(Effect.runtime<never>(), (runtime) => {
    const open = Effect.tryPromise({
      try: () =>
        SqliteLog.open({
          directory: dataDir,
          durability,
          limits: sqliteLimits(limits),
          wall: () => clock.wall(),
          report: (notice) => Runtime.runSync(runtime)(say(notice)),
          fatal,
        }),
      catch: (error) => (error instanceof DataRefused ? error : new DataRefused(`the log could not be opened: ${String(error)}`, error)),
    })
    const opened = Effect.acquireRelease(open, (log) => Effect.promise(() => log.close()))
    return Effect.tap(opened, () => {
      const because = storedModels(dataDir).map((stored) => whyUnreadable(models, stored)).find((why) => why !== undefined)
      return because === undefined ? Effect.void : Effect.fail(new DataRefused(`the sessions in ${dataDir} cannot all be read: ${because}`))
    })
  })
}

/** Why sessions of this model and version have no view here; `undefined`: nothing speaks against it. */
export function whyUnreadable(models: readonly SessionModel[], { model: name, version, session, trimmed }: StoredModel): string | undefined {
  const model = models.find((one) => one.name === name)
  if (model === undefined) return `session ${session} is of the model ${JSON.stringify(name)}, which this release does not have: start the one that wrote it`
  if (version === undefined || version === model.version || trimmed === undefined || model.migrate !== undefined) return undefined
  return (
    `session ${trimmed} has a view of version ${version} of the model ${JSON.stringify(name)}, and this release has version ${model.version}, ` +
    "which cannot migrate it: start the release that wrote it, or a later one"
  )
}

export function sqliteLimits(limits: Limits): SqliteLogLimits {
  return { ...keyLimits(limits), sessionsPerWorkspace: limits["sessions-per-workspace"], diskFree: limits["disk-free"] }
}

function keyLimits(limits: Limits): KeyLimits {
  return { keysPerSession: limits["keys-per-session"], keysPerProducer: limits["keys-per-producer"], keyAgeMs: limits["key-age"] }
}

function say({ level, message }: LogNotice): Effect.Effect<void> {
  switch (level) {
    case "info":
      return Effect.logInfo(message)
    case "warning":
      return Effect.logWarning(message)
    case "error":
      return Effect.logError(message)
  }
}

function memoryLog({ log, limits }: HostConfig, chance: Chance): SessionLog {
  return new MemoryLog({
    limits: {
      memoryLogEvents: limits["memory-log-events"],
      memoryLogBytes: limits["memory-log-bytes"],
      ...keyLimits(limits),
      sessionsPerWorkspace: limits["sessions-per-workspace"],
    },
    token: () => chance.token(),
    keepsEntries: log !== "disabled",
  })
}
