// What a log says of a session when it is asked: the proof at every door (L6, L7).

import type { Epoch, Point } from "./ids.ts"
import type { Closed } from "./observation.ts"

/** Where a session's log stood when it was asked. */
export interface Head {
  readonly epoch: Epoch
  readonly head: Point
  /** The point before the first entry that the log still holds; equal to `head` when it holds none. */
  readonly floor: Point
  readonly closed: Closed | null
}
