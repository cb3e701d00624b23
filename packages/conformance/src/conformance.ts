// The names other packages import. Nothing is defined here, and no file of this package imports this one.

export { describeClient } from "./client-laws.ts"
export type { ClientRequest, ClientTraits, ClientUnderTestItem, ConnectClient } from "./client-under-test.ts"
export { describeLiveReplayStore, type LiveReplayStoreTraits } from "./live-replay-store-laws.ts"
export { ask, type LogLimits, type LogUnderTest, type MakeLog } from "./log-under-test.ts"
export { describeSessionLog } from "./session-log-laws.ts"
export { describeServer, type ServerOptions } from "./server-laws.ts"
export { modelLimits, type ModelBounds } from "./session-log-model.ts"
export { describeSessionLogAgainstModel, type ModelledLog } from "./session-log-property.ts"
