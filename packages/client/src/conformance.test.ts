// Our own client keeps the laws that are asked of anybody's.

import { describeClient, type ClientRequest, type ClientUnderTestItem } from "@tidemark/conformance"
import { connect } from "./observe.ts"

async function* ours(request: ClientRequest): AsyncGenerator<ClientUnderTestItem> {
  for await (const item of connect({ ...request, from: "start", timing: { backoffMinMs: 1, backoffMaxMs: 4 } })) {
    const { type, cursor } = item
    if (type === "event") yield { type, position: item.event.position, data: item.event.data, cursor }
    if (type === "gap") yield { type, reason: item.gap.reason, cursor }
    if (type === "observation") yield { type, position: item.observation.position, view: item.observation.view, cursor }
    if (type === "closed") yield { type, cursor }
  }
}

describeClient("@tidemark/client", ours, { observes: true, watches: true })
