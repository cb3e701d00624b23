// Writer and reader keep the laws of a session log, on one file and without threads.

import { describeSessionLog, type LogUnderTest } from "@tidemark/conformance"
import { reopenableLog, testLimits } from "./inline-log.testing.ts"

describeSessionLog("SQLite, without threads", (): LogUnderTest => ({ ...reopenableLog(), limits: testLimits }))
