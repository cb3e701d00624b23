// The names other packages import. Nothing is defined here, and no file of this package imports this one.

export { parseFields, parseJson, type JsonField, type ParseJsonOutcome } from "./json-scan.ts"
export {
  caughtUpFrame,
  closedFrame,
  encodeBatch,
  encodeFrame,
  encodeObservation,
  gapFrame,
  heartbeatFrame,
  helloFrame,
  primeFrame,
  reconnectFrame,
  sseHeaders,
  type SseFrame,
} from "./sse-encoder.ts"
export { SseDecoder, type SseBlock, type SseDecoderLimits, type SseItem } from "./sse-decoder.ts"
export { decodeFrame, type FrameOutcome } from "./frame-decoder.ts"
export { ServerConnection, type ConnectionOutput, type ConnectionSettings } from "./server-connection.ts"
export { problem, problemKinds, problemMediaType, problemName, problemTypeBase, type ProblemName } from "./problem.ts"
export type { CaughtUp, Frame, Hello, Problem, ReceiptAnswer, Reconnect, ResumeAnswer } from "./wire.ts"
