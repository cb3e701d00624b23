// What one session remembers of idempotency keys (L4): the first result of each, for a while. It decides nothing about
// sessions, closes or expectations; it only says whether a key is new. The times handed in must never go back: age order
// is then the order of appending, and forgetting looks at the oldest only.

import { contract, type Point, type Position, type Timestamp } from "@tidemark/kernel"
import { mayFollow, type IdempotencyKey } from "./idempotency-key.ts"

export interface KeyLimits {
  /** A key is remembered for this long after its append, a producer after its last one; from 0. */
  readonly keyAgeMs: number
  /** The latest so many keys without a counter, and as many producers (the longest silent one is forgotten first); from 1. */
  readonly keysPerSession: number
  /** The latest so many results of one producer; from 1. */
  readonly keysPerProducer: number
}

/** What a repeated key is answered with. */
export interface KeyResult {
  readonly first: Position
  readonly last: Point
}

export type KeyVerdict =
  /** Append, then `remember`. */
  | { readonly type: "new" }
  | { readonly type: "repeated"; readonly result: KeyResult }
  | { readonly type: "conflict"; readonly highest: number | undefined }
  | { readonly type: "key_expired"; readonly highest: number }

export class KeyTable {
  readonly #limits: KeyLimits
  readonly #keys = new AgeMap<Remembered>()
  readonly #producers = new AgeMap<Producer>()

  constructor(limits: KeyLimits) {
    this.#limits = limits
  }

  /** Plain keys and producers remembered. */
  get size(): number {
    return this.#keys.size + this.#producers.size
  }

  check(now: Timestamp, key: IdempotencyKey, contentHash: string): KeyVerdict {
    this.sweep(now)
    if (key.type === "key") return verdict(this.#keys.get(key.text), contentHash, undefined)
    const producer = this.#producers.get(key.producer)
    const highest = producer?.highest ?? 0
    if (key.n > highest) return mayFollow(key, highest) ? { type: "new" } : { type: "key_expired", highest }
    const known = producer?.results.find((result) => result.n === key.n)
    return known === undefined ? { type: "key_expired", highest } : verdict(known, contentHash, highest)
  }

  /** Keeps the result of an append under a key that `check` called new. */
  remember(now: Timestamp, key: IdempotencyKey, contentHash: string, result: KeyResult): void {
    if (key.type === "key") {
      this.#keys.set(now, key.text, { contentHash, result })
      this.#keys.keepYoungest(this.#limits.keysPerSession)
      return
    }
    const producer = this.#producers.get(key.producer) ?? { highest: 0, results: [] }
    contract(key.n > producer.highest, () => `producer ${key.producer} is at ${producer.highest}, ${key.n} is not new`)
    producer.highest = key.n
    producer.results.push({ n: key.n, contentHash, result })
    if (producer.results.length > this.#limits.keysPerProducer) producer.results.shift()
    this.#producers.set(now, key.producer, producer)
    this.#producers.keepYoungest(this.#limits.keysPerSession)
  }

  /** Forgets what is too old at `now`. */
  sweep(now: Timestamp): void {
    this.#keys.forgetBefore(now - this.#limits.keyAgeMs)
    this.#producers.forgetBefore(now - this.#limits.keyAgeMs)
  }
}

interface Remembered {
  readonly contentHash: string
  readonly result: KeyResult
}

interface Producer {
  highest: number
  /** In the order of `n`, the last one being `highest`. */
  readonly results: (Remembered & { readonly n: number })[]
}

function verdict(known: Remembered | undefined, contentHash: string, highest: number | undefined): KeyVerdict {
  if (known === undefined) return { type: "new" }
  return known.contentHash === contentHash ? { type: "repeated", result: known.result } : { type: "conflict", highest }
}

interface Node<Value> {
  readonly key: string
  value: Value
  at: number
  older: Node<Value> | undefined
  younger: Node<Value> | undefined
}

/**
 * A map that lists its keys by when each was last set. `Map` keeps an order too, but its first key is found by stepping
 * over every key deleted before it: 7 µs for each append at 10,000 keys, measured on Node 20.
 */
class AgeMap<Value> {
  readonly #nodes = new Map<string, Node<Value>>()
  #oldest: Node<Value> | undefined
  #youngest: Node<Value> | undefined

  get size(): number {
    return this.#nodes.size
  }

  get(key: string): Value | undefined {
    return this.#nodes.get(key)?.value
  }

  /** Makes `key` the youngest. */
  set(at: number, key: string, value: Value): void {
    const known = this.#nodes.get(key)
    if (known !== undefined) this.#unlink(known)
    const node: Node<Value> = { key, value, at, older: this.#youngest, younger: undefined }
    if (this.#youngest === undefined) this.#oldest = node
    else this.#youngest.younger = node
    this.#youngest = node
    this.#nodes.set(key, node)
  }

  forgetBefore(at: number): void {
    while (this.#oldest !== undefined && this.#oldest.at < at) this.#forget(this.#oldest)
  }

  keepYoungest(count: number): void {
    while (this.#oldest !== undefined && this.#nodes.size > count) this.#forget(this.#oldest)
  }

  #forget(node: Node<Value>): void {
    this.#unlink(node)
    this.#nodes.delete(node.key)
  }

  #unlink(node: Node<Value>): void {
    if (node.older === undefined) this.#oldest = node.younger
    else node.older.younger = node.younger
    if (node.younger === undefined) this.#youngest = node.older
    else node.younger.older = node.older
  }
}
