// What arrives on a connection, looked at before the client is given it: where each frame begins and ends among the bytes,
// and what the frame will be to the client. It is how a test cuts a connection within the very frame that it names.
//
// Frames end with an empty line, and the server's lines end in LF; a chunk may end anywhere in a frame.

import type { ReplayItem } from "@tidemark/client"
import { decodeFrame, SseDecoder } from "@tidemark/protocol"

const frameBytesMax = 16 * 2 ** 20

export class FrameAhead {
  /** Of the frame that has begun and not ended. */
  #begun = new Uint8Array(0)

  /** `chunk` was handed on. */
  pass(chunk: Uint8Array): void {
    const all = joined(this.#begun, chunk)
    let start = 0
    for (let end = endAfter(all, start); end !== -1; end = endAfter(all, start)) start = end
    this.#begun = all.slice(start)
  }

  /** How many bytes of `chunk` to hand on for the connection to end within the frame of the first item that matches. */
  within(chunk: Uint8Array, matches: (item: ReplayItem) => boolean): number | undefined {
    const all = joined(this.#begun, chunk)
    let start = 0
    for (let end = endAfter(all, start); end !== -1; end = endAfter(all, start)) {
      const item = itemOf(all.subarray(start, end))
      if (item !== undefined && matches(item)) return Math.max(0, start + Math.floor((end - start) / 2) - this.#begun.length)
      start = end
    }
    return undefined
  }
}

function joined(begun: Uint8Array, chunk: Uint8Array): Uint8Array {
  if (begun.length === 0) return chunk
  const all = new Uint8Array(begun.length + chunk.length)
  all.set(begun)
  all.set(chunk, begun.length)
  return all
}

const lineFeed = 0x0a

/** Where the frame ends that begins at `start`; -1: not in these bytes. */
function endAfter(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(lineFeed, start); at !== -1; at = bytes.indexOf(lineFeed, at + 1)) {
    if (bytes[at + 1] === lineFeed) return at + 2
  }
  return -1
}

/** What a client makes of a frame; `undefined` where it is given nothing. */
function itemOf(bytes: Uint8Array): ReplayItem | undefined {
  const decoder = new SseDecoder({ lineBytesMax: frameBytesMax, blockBytesMax: frameBytesMax })
  decoder.push(bytes)
  for (let part = decoder.pollItem(); part !== undefined; part = decoder.pollItem()) {
    const decoded = part.type === "event" ? decodeFrame(part.block) : undefined
    if (decoded?.type !== "frame") continue
    const { frame } = decoded
    switch (frame.type) {
      case "event":
        return { type: "event", event: frame.data, cursor: frame.id }
      case "observation":
        return { type: "observation", observation: frame.data, cursor: frame.id }
      case "caught_up":
        return { type: "caught_up", position: frame.data.position, cursor: frame.id }
      case "gap":
        return { type: "gap", gap: frame.data }
      case "closed":
        return { type: "closed", closed: frame.data, ...(frame.id === undefined ? {} : { cursor: frame.id }) }
      case "hello":
      case "heartbeat":
      case "reconnect":
    }
  }
  return undefined
}
