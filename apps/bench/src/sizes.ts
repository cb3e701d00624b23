// How much of each thing a run does. Full sizes are what the claims are made about; quick ones are for checking deliveries
// in CI, on a machine that is busy with other things: they run the same code and their figures mean nothing.

export interface FanOutSize {
  readonly readers: number
  /** That are measured; a column's share of them. */
  readonly events: number
  readonly warmUp: number
}

export interface Sizes {
  readonly saturated100: FanOutSize
  readonly saturated1000: FanOutSize
  readonly saturated5000: FanOutSize
  readonly oneAtATime: FanOutSize
  /** Events are of each session. */
  readonly sessions: FanOutSize
  readonly latency: FanOutSize & { readonly perSecond: number }
  readonly storm: { readonly readers: number; readonly behind: number; readonly perSecond: number }
  readonly idle: { readonly readers: number; readonly restMs: number }
  /** `fill`: events that fill what the system holds for a connection nobody reads. */
  readonly stalled: FanOutSize & { readonly perSecond: number; readonly stalled: number; readonly fill: number }
  readonly post: { readonly connections: number; readonly batch: number; readonly ms: number; readonly warmUpMs: number }
  readonly replay: { readonly events: number; readonly batch: number }
  /** Of the measures inside one process. */
  readonly micro: { readonly rounds: number; readonly events: number; readonly replayed: number }
  /** Every server is in every scenario that it can do; else only where it does something that no other one does. */
  readonly everyColumn: boolean
  /** The longest that one step of a run may take. */
  readonly stepMsMax: number
}

export const fullSizes: Sizes = {
  saturated100: { readers: 100, events: 12_000, warmUp: 2000 },
  saturated1000: { readers: 1000, events: 2400, warmUp: 400 },
  saturated5000: { readers: 5000, events: 480, warmUp: 80 },
  oneAtATime: { readers: 1000, events: 400, warmUp: 100 },
  sessions: { readers: 1000, events: 30, warmUp: 5 },
  latency: { readers: 1000, events: 200, warmUp: 20, perSecond: 20 },
  storm: { readers: 1000, behind: 1000, perSecond: 20 },
  idle: { readers: 5000, restMs: 30_000 },
  stalled: { readers: 1000, events: 200, warmUp: 20, perSecond: 20, stalled: 50, fill: 30_000 },
  post: { connections: 64, batch: 100, ms: 4000, warmUpMs: 1000 },
  replay: { events: 10_000, batch: 100 },
  micro: { rounds: 25, events: 20_000, replayed: 100_000 },
  everyColumn: true,
  stepMsMax: 180_000,
}

export const quickSizes: Sizes = {
  saturated100: { readers: 20, events: 200, warmUp: 20 },
  saturated1000: { readers: 30, events: 200, warmUp: 20 },
  saturated5000: { readers: 40, events: 200, warmUp: 20 },
  oneAtATime: { readers: 20, events: 20, warmUp: 5 },
  sessions: { readers: 30, events: 5, warmUp: 1 },
  latency: { readers: 20, events: 20, warmUp: 5, perSecond: 100 },
  storm: { readers: 20, behind: 100, perSecond: 50 },
  idle: { readers: 50, restMs: 100 },
  stalled: { readers: 20, events: 20, warmUp: 5, perSecond: 100, stalled: 5, fill: 200 },
  post: { connections: 8, batch: 10, ms: 200, warmUpMs: 50 },
  replay: { events: 500, batch: 50 },
  micro: { rounds: 3, events: 500, replayed: 2000 },
  everyColumn: false,
  stepMsMax: 60_000,
}
