// Every limit an operator can set, as one table: `--limit NAME=VALUE` or `TIDEMARK_LIMIT_<NAME>`. A row says what is
// counted, the default, and the least and most that can work; what happens at the limit stands in its `doc`. A limit that
// is in this table is in force: one that a later release brings is in `laterLimits` and refused until then.

/** `count`: a whole number. `bytes`: a size, `4MiB`. `ms`: a time, `30s`. */
export type LimitUnit = "count" | "bytes" | "ms"

interface LimitRow {
  readonly unit: LimitUnit
  /** `undefined`: there is no bound unless one is set (written `none`). */
  readonly default: number | undefined
  readonly least: number
  readonly most: number
  readonly doc: string
}

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB
const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

export const limitTable = {
  "window-events": count(2048, 4, 1_000_000, "entries of a session held in memory for its readers; older ones are read from the log"),
  "window-bytes": bytes(4 * MiB, 4 * KiB, GiB, "the same in bytes; the last entry always stays"),
  "window-age": ms(15 * minute, second, 7 * day, "the same in age"),
  "memory-log-events": count(100_000, 1, 100_000_000, "entries that the memory log keeps of a session; older cursors get gap `trimmed`"),
  "memory-log-bytes": bytes(64 * MiB, 4 * KiB, 64 * GiB, "the same in bytes"),
  "retention-events": count(undefined, 1, 1_000_000_000, "entries of a session's history, where its PUT does not say"),
  "retention-bytes": bytes(undefined, 4 * KiB, 1024 * GiB, "the same in bytes"),
  "retention-age": ms(undefined, second, 3650 * day, "the same in age"),
  "recover-events": count(1000, 1, 1_000_000, "`recover=auto`: further behind is gap `budget` and an observation"),
  "read-events": count(256, 1, 10_000, "entries of one batch to one reader"),
  "read-bytes": bytes(64 * KiB, KiB, 16 * MiB, "the same in bytes; at least one entry is given"),
  "flush-pause": ms(4, 0, second, "under load, between two writes to one reader: longer costs less, shorter is sooner"),
  "event-bytes": bytes(256 * KiB, 64, 64 * MiB, "an event's data; more is 413"),
  "body-bytes": bytes(4 * MiB, KiB, 256 * MiB, "a request's body; more is 413"),
  "json-depth": count(64, 4, 1000, "nesting of a body's JSON; deeper is 400"),
  "write-deadline": ms(30 * second, 50, hour, "a client that has not taken what was written is closed; its cursor still works"),
  "keep-alive": ms(10 * second, second, hour, "TCP keep-alive of an idle connection"),
  heartbeat: ms(15 * second, 50, 10 * minute, "silence on a stream after which a heartbeat is sent"),
  "max-age": ms(600 * second, 100, day, "a stream ends with `reconnect` after 0.8–1.0 of this"),
  retry: ms(2 * second, 10, minute, "the wait before a client reconnects, ± 50 %"),
  "encodes-per-second": count(2, 1, 1000, "observations made for the readers of one session"),
  connections: count(20_000, 1, 1_000_000, "TCP connections of the process; more are answered 429 and closed"),
  "connects-per-second": count(20, 1, 1_000_000, "streams opened by one address, burst twice that; more is 429; not loopback"),
  "readers-per-session": count(10_000, 1, 1_000_000, "streams on one session; more is 429"),
  recordings: count(4, 1, 64, "sessions recorded at once; more is 429"),
  "sessions-per-workspace": count(100_000, 1, 100_000_000, "sessions that exist in one workspace; more is 429"),
  "sessions-in-memory": count(10_000, 1, 10_000_000, "sessions held open; beyond it the longest idle one is unloaded"),
  "requests-per-second": count(100, 1, 1_000_000, "requests of one address, burst twice that; more is 429; not loopback"),
  "publish-bytes-per-second": bytes(8 * MiB, KiB, 16 * GiB, "published by one address, burst twice that; more is 429; not loopback"),
  "key-age": ms(24 * hour, second, 365 * day, "idempotency keys, and producers that append nothing, are forgotten after this"),
  "keys-per-session": count(10_000, 1, 10_000_000, "idempotency keys remembered; the oldest is forgotten"),
  "keys-per-producer": count(64, 1, 10_000, "a producer's latest numbers whose results are remembered"),
  "header-bytes": bytes(16 * KiB, 2 * KiB, MiB, "a request's headers; more is 431"),
  "header-time": ms(10 * second, 100, 10 * minute, "the headers of a request must be complete after this"),
  "request-time": ms(30 * second, 100, hour, "a request with its body must be complete after this"),
  "log-timeout": ms(5 * second, 50, 10 * minute, "a log that has not answered after this counts as unreachable: 503"),
  "disk-free": bytes(256 * MiB, 0, 1024 * GiB, "free space of the data directory's disk below which nothing is recorded: 507"),
  drain: ms(10 * second, 50, 10 * minute, "a shutdown ends what is still open after this"),
} satisfies Record<string, LimitRow>

export type LimitName = keyof typeof limitTable

/** The limits in force; `undefined` only where the table's default is. */
export type Limits = {
  readonly [Name in LimitName]: (typeof limitTable)[Name]["default"] extends undefined ? number | undefined : number
}

/** Limits of what is still to come: this release has nothing to apply them to. Setting one is refused rather than ignored. */
export const laterLimits: ReadonlySet<string> = new Set([
  ...["workspace-retention-events", "workspace-retention-age", "workspace-tail", "multiplex-sessions", "connections-per-principal"],
  ...["presence-beat", "presence-lease", "presence-grace", "presence-listed", "feed-limit", "feed-max", "tail", "ws-tail", "pace"],
  ...["run-lease", "run-renew", "run-wait", "run-retention", "run-concurrency", "run-kill-grace", "run-output-bytes", "queue-lease"],
  ...["ws-message-bytes", "ws-messages-per-second", "memory-bytes"],
])

export function isLimitName(name: string): name is LimitName {
  return Object.hasOwn(limitTable, name)
}

export const limitNames: readonly LimitName[] = Object.keys(limitTable).filter(isLimitName)

function count<Default extends number | undefined>(fallback: Default, least: number, most: number, doc: string) {
  return { unit: "count" as const, default: fallback, least, most, doc }
}

function bytes<Default extends number | undefined>(fallback: Default, least: number, most: number, doc: string) {
  return { unit: "bytes" as const, default: fallback, least, most, doc }
}

function ms<Default extends number | undefined>(fallback: Default, least: number, most: number, doc: string) {
  return { unit: "ms" as const, default: fallback, least, most, doc }
}

/** A limit's value, or the sentence that says why `text` is none. */
export type LimitOutcome =
  | { readonly type: "value"; readonly value: number | undefined }
  | { readonly type: "refused"; readonly because: string }

/** Reads `2048`, `64KiB`, `1.5MiB`, `500ms`, `15s`, `10min`, `2h`, `7d`, and `none` where there may be none. */
export function parseLimit(name: LimitName, text: string): LimitOutcome {
  const row: LimitRow = limitTable[name]
  if (text === "none" && row.default === undefined) return { type: "value", value: undefined }
  const value = parseAmount(row.unit, text)
  if (value === undefined) return { type: "refused", because: `is ${spelled[row.unit]}, not ${JSON.stringify(text)}` }
  if (value < row.least || value > row.most) {
    const range = `${formatLimit(row.unit, row.least)} to ${formatLimit(row.unit, row.most)}`
    return { type: "refused", because: `works from ${range}, not with ${text}` }
  }
  return { type: "value", value }
}

/** A count, or a size or time with its suffix; `undefined` for what is none. */
export function parseAmount(unit: LimitUnit, text: string): number | undefined {
  const [, digits, suffix] = /^([0-9]{1,15}(?:\.[0-9]{1,6})?)([A-Za-z]*)$/.exec(text) ?? []
  const scale = suffix === undefined ? undefined : scales[unit][suffix]
  const value = digits === undefined || scale === undefined ? Number.NaN : Number(digits) * scale
  return Number.isSafeInteger(value) ? value : undefined
}

/** As an operator would write it: `4MiB`, `15min`, `2048`, `none`. */
export function formatLimit(unit: LimitUnit, value: number | undefined): string {
  if (value === undefined) return "none"
  const written = Object.entries(scales[unit])
  const [suffix, scale] = written.findLast(([, scale]) => value >= scale && value % scale === 0) ?? written[0] ?? ["", 1]
  return `${value / scale}${suffix}`
}

/** What a suffix stands for, smallest first; a time without one would be ambiguous. */
const scales: Record<LimitUnit, Readonly<Record<string, number>>> = {
  count: { "": 1 },
  bytes: { "": 1, B: 1, KiB, MiB, GiB },
  ms: { ms: 1, s: second, min: minute, h: hour, d: day },
}

/** What an amount looks like, for whoever wrote something else. */
export const spelled: Record<LimitUnit, string> = {
  count: "a whole number",
  bytes: "a size such as 65536, 64KiB or 4MiB",
  ms: "a time such as 500ms, 15s, 10min, 2h or 7d",
}
