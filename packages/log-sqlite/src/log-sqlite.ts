// The names other packages import. Nothing is defined here, and no file of this package imports this one.

export { DataRefused } from "./faults.ts"
export { SqliteLog, type LogNotice } from "./sqlite-log.ts"
export type { SqliteLogLimits } from "./log-writer.ts"
export { beginNewEpoch, examine, type Examination } from "./doctor.ts"
export { storedModels, type StoredModel } from "./stored-models.ts"
export { DirectoryReader } from "./directory-reader.ts"
