// What a route answers, before it is bytes on a socket. Streams are the exception: they are handed the response itself and
// write to it as long as they live.

import type { ServerResponse } from "node:http"

export type Answer =
  | {
      readonly type: "body"
      readonly status: number
      readonly mediaType: string
      readonly body: string
      readonly headers: Readonly<Record<string, string>>
    }
  | { readonly type: "empty"; readonly status: number; readonly headers: Readonly<Record<string, string>> }
  | {
      readonly type: "stream"
      /** Takes the response over: headers, bytes and end are its business. */
      readonly open: (response: ServerResponse, headers: Readonly<Record<string, string>>) => void
    }

export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer {
  return jsonText(JSON.stringify(value), status, headers)
}

/** For what is JSON already. */
export function jsonText(body: string, status = 200, headers: Readonly<Record<string, string>> = {}): Answer {
  return { type: "body", status, mediaType: "application/json", body, headers }
}

export function text(body: string, mediaType: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { type: "body", status: 200, mediaType, body, headers }
}

export function empty(status: number, headers: Readonly<Record<string, string>> = {}): Answer {
  return { type: "empty", status, headers }
}
