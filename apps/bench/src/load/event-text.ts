// The event that every server is sent: 200 bytes of JSON that say which event they are and when they left. A receiver
// finds all of it from one character, `~`, which stands nowhere else in any stream, so that reading it costs no JSON.

/** Of an event's data. */
export const eventBytes = 200

const opening = '{"e":"~'
const closing = '"}'
export const tokenDigits = 13
export const stampDigits = 13

/** From `~` to what stands behind it. */
export const tokenAfterTilde = 1
export const stampAfterTilde = tokenAfterTilde + tokenDigits + 1
/** The data ends so many bytes after its `~`. */
export const endAfterTilde = eventBytes - (opening.length - 1)

/** From the beginning of the data. */
export const tokenInData = opening.length
export const stampInData = tokenInData + tokenDigits + 1

const blank = "0".repeat(tokenDigits)
const padding = "x".repeat(eventBytes - opening.length - tokenDigits - 1 - stampDigits - 1 - closing.length)

/** The data with digits still to be written in. */
export const eventTemplate = `${opening}${blank} ${"0".repeat(stampDigits)} ${padding}${closing}`

const numbers = 10_000_000
const publishers = 100
const sessions = 9_999

/** One number for "the n-th event of this publisher in this session": 4 digits, 2 and 7. */
export function tokenOf(session: number, publisher: number, n: number): number {
  if (session > sessions || publisher >= publishers || n >= numbers) throw new RangeError(`no token for ${session}, ${publisher}, ${n}`)
  return (session * publishers + publisher) * numbers + n
}

export interface Token {
  readonly session: number
  readonly publisher: number
  readonly n: number
}

export function partsOf(token: number): Token {
  const rest = Math.floor(token / numbers)
  return { session: Math.floor(rest / publishers), publisher: rest % publishers, n: token % numbers }
}

/** For a person. */
export function tokenName(token: number | undefined): string {
  if (token === undefined) return "nothing"
  const { session, publisher, n } = partsOf(token)
  return `event ${n} of publisher ${publisher} in session ${session}`
}

const zero = 48

/** `value` as so many digits, zeros first. */
export function writeDigits(bytes: Uint8Array, at: number, digits: number, value: number): void {
  let rest = value
  for (let i = at + digits - 1; i >= at; i--) {
    const next = Math.floor(rest / 10)
    bytes[i] = zero + (rest - next * 10)
    rest = next
  }
}

export function readDigits(bytes: Uint8Array, at: number, digits: number): number {
  let value = 0
  for (let i = at; i < at + digits; i++) value = value * 10 + (bytes[i] ?? zero) - zero
  return value
}

/** An event's data, as text; for tests and for small things. */
export function eventText(token: number, stampUs: number): string {
  const bytes = Buffer.from(eventTemplate)
  writeDigits(bytes, tokenInData, tokenDigits, token)
  writeDigits(bytes, stampInData, stampDigits, stampUs)
  return bytes.toString("latin1")
}

/** Microseconds of the clock that every process of this machine shares. */
export function sharedMicros(): number {
  return Number(process.hrtime.bigint() / 1000n)
}
