// Somebody else's client, wrapped as anybody's can be, keeps the laws of a client: `eventsource`, which is a browser's
// EventSource for Node. All that it lacks is a watchdog.

import { describeClient, type ClientRequest, type ClientUnderTestItem } from "@tidemark/conformance"
import { EventSource } from "eventsource"

async function* eventsource({ subscribeUrl, signal }: ClientRequest): AsyncGenerator<ClientUnderTestItem> {
  const source = new EventSource(subscribeUrl)
  const items: ClientUnderTestItem[] = []
  let failure: Error | undefined
  let wake = (): void => {}
  const give = (item: ClientUnderTestItem): void => {
    items.push(item)
    wake()
  }
  source.addEventListener("message", ({ data, lastEventId: cursor }) => {
    const event: { readonly position: number; readonly data: unknown } = JSON.parse(data)
    give({ type: "event", position: event.position, data: event.data, cursor })
  })
  source.addEventListener("observation", ({ data, lastEventId: cursor }) => {
    const { position, view }: { readonly position: number; readonly view: unknown } = JSON.parse(data)
    give({ type: "observation", position, view, cursor })
  })
  source.addEventListener("gap", ({ data }) => give({ type: "gap", reason: JSON.parse(data).reason }))
  source.addEventListener("closed", () => give({ type: "closed" }))
  source.addEventListener("error", ({ code, message }) => {
    if (source.readyState !== EventSource.CLOSED) return // it comes back by itself
    if (code === 204) return give({ type: "closed" })
    failure = new Error(message)
    wake()
  })
  signal.addEventListener("abort", () => wake())
  try {
    while (!signal.aborted) {
      const item = items.shift()
      if (item !== undefined) {
        yield item
        if (item.type === "closed") return
      } else if (failure !== undefined) throw failure
      else await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    source.close()
  }
}

describeClient("eventsource", eventsource, { observes: true, watches: false })
