// The routes about the host itself: is it there, what does it count, what can it do. None of them touches a session.

import * as Effect from "effect/Effect"
import { json, jsonText, text } from "./answer.ts"
import * as api from "./api.ts"
import type { HostParts } from "./host-parts.ts"
import { counter, counters, gauge, prometheusText, type Metric } from "./meter.ts"
import { route, type Route } from "./router.ts"

export function hostRoutes(parts: HostParts): readonly Route[] {
  const document = JSON.stringify(api.openApiDocument(parts.version))
  return [
    route(api.health, () => Effect.succeed(json({ status: "ok" }))),
    route(api.metrics, () => Effect.sync(() => text(prometheusText(metrics(parts)), "text/plain; version=0.0.4; charset=utf-8"))),
    route(api.stats, () => Effect.sync(() => json(stats(parts)))),
    route(api.openapi, () => Effect.succeed(jsonText(document))),
  ]
}

function stats({ engine, meter, version }: HostParts): object {
  const { driver, kernel } = engine.stats()
  const { refused, ...counted } = meter
  return { version, host: { ...counted, refused: Object.fromEntries(refused), logFailures: engine.logFailures }, driver, kernel }
}

function metrics({ engine, meter, recordings }: HostParts): readonly Metric[] {
  const { driver, kernel } = engine.stats()
  return [
    gauge("connections", "TCP connections that are open.", meter.connections),
    gauge("streams", "Event streams that are open.", meter.streams),
    gauge("recordings", "Sessions that are being recorded.", recordings.size),
    gauge("readers", "Standing readers.", kernel.readers),
    gauge("readers_ready", "Readers that have something to read.", kernel.readersReady),
    gauge("sessions_in_memory", "Sessions that are open.", kernel.sessions),
    gauge("window_entries", "Entries held in memory for readers.", kernel.windowEntries),
    gauge("window_bytes", "The same in bytes.", kernel.windowBytes),
    gauge("drafts_waiting", "Drafts that wait for the log.", driver.draftsWaiting),
    gauge("log_requests_in_flight", "Requests the log has not answered.", driver.requestsInFlight),
    counter("requests_total", "Requests that were begun.", meter.requests),
    counter("appends_total", "Appends that were acknowledged, repetitions included.", meter.appends),
    counter("events_appended_total", "Entries that were recorded.", meter.eventsAppended),
    counter("events_delivered_total", "Events written to streams.", meter.eventsDelivered),
    counter("bytes_received_total", "Bytes of request bodies.", meter.bytesReceived),
    counter("bytes_streamed_total", "Bytes written to streams.", meter.bytesStreamed),
    counter("stalled_total", "Streams closed at the write deadline.", meter.stalled),
    counters("gaps_total", "Gaps that were said, by reason.", "reason", Object.entries(kernel.gaps)),
    counters("refused_total", "Requests that were refused, by problem.", "type", meter.refused),
    counter("log_failures_total", "Answers of the log that were failures, or never came.", engine.logFailures),
    counter("appends_failed_total", "Appends that were installed without a place in the window.", kernel.appendsFailed),
    counter("views_failed_total", "Views that could not be folded.", kernel.viewsFailed),
  ]
}
