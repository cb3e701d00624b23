// Recording a session: the answer to the POST is the capsule itself, live. Whoever asks for it holds it open, and leaves to
// end it; who wants the last line as well, ends it with DELETE.

import * as Effect from "effect/Effect"
import { empty, type Answer } from "./answer.ts"
import * as api from "./api.ts"
import { ask, type HostParts } from "./host-parts.ts"
import { refuse, unanswered } from "./refused.ts"
import { route, type Route } from "./router.ts"
import { nameOf } from "./session-path.ts"
import { decodeBody } from "./session-routes.ts"
import { awaited } from "./settling.ts"

/** A reader who is asked to come again is behind by then, and nothing but a log could give it what it missed. */
const noLog = "The session has no log, so that its readers would lose events to a recording: record on a host whose log is sqlite or memory."

/** Routes below `/v1/sessions/{id}`. */
export function recordingRoutes({ config, engine, recordings }: HostParts): readonly Route[] {
  const record = route(api.record, (exchange, path) =>
    Effect.gen(function* () {
      const { secrets = [], all = false, forSeconds = 3600 } = yield* decodeBody(api.RecordBody, (yield* exchange.readJson()) ?? {})
      const session = nameOf(path)
      const outcome = yield* ask(engine, (driver, now) => driver.describe(now, session))
      if (outcome.type !== "session") return yield* unanswered(path.id, outcome)
      if (config.log === "disabled") return yield* refuse("recording-conflict", noLog)
      const wish = { secrets, all, forMs: forSeconds * 1000 }
      return yield* awaited<Answer>((settle) => recordings.begin(exchange, session, wish, settle))
    }),
  )

  const endRecording = route(api.endRecording, (_exchange, path) =>
    Effect.sync(() => {
      recordings.end(nameOf(path), "it was ended")
      return empty(204)
    }),
  )

  return [record, endRecording]
}
