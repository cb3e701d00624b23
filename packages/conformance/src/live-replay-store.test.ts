// The windows of the kernel keep the laws of a live replay store.

import { DisabledLiveReplayStore, InMemoryLiveReplayStore } from "@tidemark/kernel"
import { describeLiveReplayStore } from "./live-replay-store-laws.ts"

describeLiveReplayStore("InMemoryLiveReplayStore", (limits) => new InMemoryLiveReplayStore(limits), { keepsLog: true })

describeLiveReplayStore("DisabledLiveReplayStore", (limits) => new DisabledLiveReplayStore(limits), { keepsLog: false })
