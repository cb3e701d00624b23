// The names other packages import. Nothing is defined here, and no file of this package imports this one.

export { Call, type CallWaiter } from "./call.ts"
export { checkPart, firstAppend, meets, sealAll } from "./append-rules.ts"
export { mayFollow, parseIdempotencyKey, type IdempotencyKey } from "./idempotency-key.ts"
export type { KeyLimits, KeyResult, KeyVerdict } from "./key-table.ts"
export { Driver } from "./machine.ts"
export { MemoryLog, type MemoryLogLimits, type MemoryLogOptions, type MemoryLogStats } from "./memory-log.ts"
export type { DriverConfig, DriverStats, LogTraits, SubscribeOptions } from "./machine.ts"
export type { QuerySince } from "./query.ts"
export type { DriverReadOutcome } from "./readers.ts"
export type { NumberedRequest } from "./request-desk.ts"
export { Slots } from "./slots.ts"
export type {
  AppendCallOutcome,
  AppendRequest,
  CreateOutcome,
  DeleteOutcome,
  DescribeOutcome,
  ExplainOutcome,
  ListOutcome,
  LogFailed,
  ObserveOutcome,
  QueryOutcome,
  Receipt,
  ResumeCallOutcome,
  SessionInfo,
  SubscribeCallOutcome,
  TrimOutcome,
} from "./outcomes.ts"
export type {
  AppendOutcome,
  Appended,
  AppendPart,
  Durability,
  Expectation,
  LogAnswer,
  LogRequest,
  RangeBudget,
  Retention,
  SessionLog,
  SessionSettings,
  SessionSummary,
  Snapshot,
} from "./session-log.ts"
