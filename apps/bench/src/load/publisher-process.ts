// The process that publishes: see `publisher.ts`. It is told what to do on its standard input (`calls.ts`).

import { answerCalls, type Answering } from "./calls.ts"
import type { Acknowledged } from "./delivery-check.ts"
import { Publisher, type LastAcknowledged, type OpenPublishers, type Publish, type Published } from "./publisher.ts"

export interface PublisherCalls {
  open(given: OpenPublishers): void
  publish(given: Publish): Published
  pace(given: { readonly perSecond: number; readonly events: number }): void
  stopPace(given: null): void
  acknowledged(given: null): readonly Acknowledged[]
  last(given: null): LastAcknowledged
}

const publisher = new Publisher()

const calls: Answering<PublisherCalls> = {
  open: (given) => publisher.open(given),
  publish: (given) => publisher.publish(given),
  pace: ({ perSecond, events }) => publisher.pace(perSecond, events),
  stopPace: () => publisher.stopPace(),
  acknowledged: () => publisher.acknowledged(),
  last: () => publisher.last(),
}

answerCalls({ ...calls })
