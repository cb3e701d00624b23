// UTF-8 to text as the WHATWG Encoding Standard decodes it (§8.1.1 "UTF-8 decoder"), malformed bytes included: each
// maximal piece of a broken sequence becomes one U+FFFD, and the byte that broke it is read again. A byte order mark is
// an ordinary character here; whoever knows where a stream begins removes it.
//
// Written out because this package has no globals. It only ever sees whole lines, so it keeps no state between calls: a
// CR or LF never stands inside a sequence, and one that breaks a sequence off is still a CR or LF.

/** The text of `bytes` from `start` up to `end`. Never fails. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  let text = ""
  let at = start
  while (at < end) {
    let count = 0
    while (at < end && count < unitsMax) {
      const lead = byteAt(bytes, at)
      if (lead < 0x80) {
        units[count++] = lead
        at += 1
        continue
      }
      const length = sequenceLength(lead)
      const taken = wellFormedBytes(bytes, at, Math.min(end, at + length))
      if (taken < length) {
        units[count++] = replacement
        at += Math.max(1, taken)
        continue
      }
      const scalar = scalarAt(bytes, at, length)
      at += length
      if (scalar < 0x10000) {
        units[count++] = scalar
      } else {
        units[count++] = 0xd800 + ((scalar - 0x10000) >> 10)
        units[count++] = 0xdc00 + ((scalar - 0x10000) & 0x3ff)
      }
    }
    units.length = count
    text += String.fromCharCode.apply(undefined, units)
  }
  return text
}

/** Code units on their way into a string; used within one call only. Few enough to be passed as arguments. */
const units: number[] = []
const unitsMax = 1024

const replacement = 0xfffd

/** Bytes of the sequence that `lead` begins; more than any sequence has where it begins none. */
function sequenceLength(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2
  if (lead >= 0xe0 && lead <= 0xef) return 3
  if (lead >= 0xf0 && lead <= 0xf4) return 4
  return 5
}

/** How many bytes from `at` up to `end` belong to one sequence so far; 0 where not even the first one can begin one. */
function wellFormedBytes(bytes: Uint8Array, at: number, end: number): number {
  const lead = byteAt(bytes, at)
  if (lead < 0xc2 || lead > 0xf4) return 0
  let low = 0x80
  let high = 0xbf
  // The second byte's range keeps out overlong forms, surrogates and what lies past U+10FFFF.
  if (lead === 0xe0) low = 0xa0
  else if (lead === 0xed) high = 0x9f
  else if (lead === 0xf0) low = 0x90
  else if (lead === 0xf4) high = 0x8f
  let next = at + 1
  while (next < end) {
    const byte = byteAt(bytes, next)
    if (byte < low || byte > high) break
    low = 0x80
    high = 0xbf
    next += 1
  }
  return next - at
}

function scalarAt(bytes: Uint8Array, at: number, length: number): number {
  let scalar = byteAt(bytes, at) & (0x7f >> length)
  for (let next = at + 1; next < at + length; next++) scalar = (scalar << 6) | (byteAt(bytes, next) & 0x3f)
  return scalar
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}
