// What a route answers, before it is bytes on a socket. Streams are the exception: they are handed the response itself and
// write to it as long as they live.

import type { ServerResponse } from "node:http"
import type { Receipt } from "@tidemark/driver"

export type Headers = Readonly<Record<string, string>>

/** Nothing of its own: told apart by identity, so that the usual answer is written without putting its headers together. */
export const noHeaders: Headers = {}

export type Answer =
  | {
      readonly type: "body"
      readonly status: number
      readonly mediaType: string
      readonly body: string
      readonly headers: Headers
    }
  | { readonly type: "empty"; readonly status: number; readonly headers: Headers }
  | {
      readonly type: "stream"
      /** Takes the response over: headers, bytes and end are its business. */
      readonly open: (response: ServerResponse, headers: Headers) => void
    }

export function json(value: unknown, status = 200, headers = noHeaders): Answer {
  return jsonText(JSON.stringify(value), status, headers)
}

/** As `json` would, in a third of the time: nothing in a receipt has a character that JSON would escape. */
export function receiptJson({ session, epoch, first, last, revision, cursor, durability }: Receipt): Answer {
  const places = `"first":${first},"last":${last},"revision":${revision}`
  return jsonText(`{"session":"${session}","epoch":"${epoch}",${places},"cursor":"${cursor}","durability":"${durability}"}`)
}

/** For what is JSON already. */
export function jsonText(body: string, status = 200, headers = noHeaders): Answer {
  return { type: "body", status, mediaType: "application/json", body, headers }
}

export function text(body: string, mediaType: string, headers = noHeaders): Answer {
  return { type: "body", status: 200, mediaType, body, headers }
}

export function empty(status: number, headers = noHeaders): Answer {
  return { type: "empty", status, headers }
}
