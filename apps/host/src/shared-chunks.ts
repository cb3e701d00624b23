// Chunks of HTTP that many streams are written: a batch or an observation is encoded once, framing included, for all who are
// given it one after the other. What was made last is remembered, by identity, and no more of it than there is room for.

import { Recent, type Batch, type SessionObservation } from "@tidemark/kernel"
import { encodeBatch, encodeObservation } from "@tidemark/protocol"

/** Batches up to twice the default of `read-bytes`: a crowd of readers stands at no more places than that. */
const smallMax = 64
const smallBytes = 128 * 1024
/** Of what is larger, an event near `event-bytes` or an observation, those that are being delivered right now. */
const largeMax = 4

export class SharedChunks {
  readonly #small = new Recent<Batch, Buffer>(smallMax)
  readonly #large = new Recent<Batch, Buffer>(largeMax)
  readonly #observations = new Recent<SessionObservation, Buffer>(largeMax)

  batch(batch: Batch): Buffer {
    const known = this.#small.get(batch) ?? this.#large.get(batch)
    if (known !== undefined) return known
    const bytes = chunkOf(encodeBatch(batch))
    const ring = bytes.length > smallBytes ? this.#large : this.#small
    ring.set(batch, bytes)
    return bytes
  }

  observation(observation: SessionObservation): Buffer {
    const known = this.#observations.get(observation)
    if (known !== undefined) return known
    const bytes = chunkOf(encodeObservation(observation))
    this.#observations.set(observation, bytes)
    return bytes
  }
}

export function chunkOf(text: string): Buffer {
  const head = `${Buffer.byteLength(text).toString(16)}\r\n`
  return Buffer.from(`${head}${text}\r\n`)
}

/** After it nothing follows. */
export const lastChunk = Buffer.from("0\r\n\r\n")
