// The one encoding (protocol section 1.1): integers, bytes, text, arrays, maps, false, true, null, tags 18 and 96.
// Maps are `Map`s, written in the order of their encoded keys. `decode` refuses whatever it would not write itself.

export class Refused extends Error {
  constructor(reason) {
    super(reason)
    this.reason = reason
  }
}

export const must = (holds, reason) => {
  if (!holds) throw new Refused(reason)
}

export class Tagged {
  constructor(tag, value) {
    this.tag = tag
    this.value = value
  }
}

export const ENVELOPE = { items: 4096, depth: 8, pairs: 64 }
export const DIRECTORY = { items: 1_000_000, depth: 8, pairs: 64 }
const SIMPLE = new Map([[20, false], [21, true], [22, null]])
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function head(major, argument) {
  const lead = major << 5
  if (argument < 24) return Buffer.from([lead | Number(argument)])
  const [info, size] = argument < 2 ** 8 ? [24, 1] : argument < 2 ** 16 ? [25, 2] : argument < 2 ** 32 ? [26, 4] : [27, 8]
  const bytes = Buffer.alloc(9)
  bytes.writeBigUInt64BE(BigInt(argument), 1)
  bytes[8 - size] = lead | info
  return bytes.subarray(8 - size)
}

export function encode(value) {
  if (typeof value === 'bigint') return value < 0n ? head(1, -1n - value) : head(0, value)
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (value === false || value === true || value === null) return Buffer.from([{ false: 0xf4, true: 0xf5, null: 0xf6 }[value]])
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(encode)])
  if (value instanceof Tagged) return Buffer.concat([head(6, value.tag), encode(value.value)])
  if (value instanceof Map) {
    const pairs = [...value].map(([key, member]) => [encode(key), encode(member)])
    pairs.sort(([one], [other]) => Buffer.compare(one, other))
    return Buffer.concat([head(5, pairs.length), ...pairs.flat()])
  }
  return Buffer.concat([head(2, value.length), value])
}

class Reader {
  constructor(bytes, bounds) {
    this.bytes = bytes
    this.bounds = bounds
    this.at = 0
    this.items = 0
  }

  take(count) {
    must(count <= this.bytes.length - this.at, 'cbor-truncated')
    this.at += Number(count)
    return this.bytes.subarray(this.at - Number(count), this.at)
  }

  head() {
    const [lead] = this.take(1)
    const [major, info] = [lead >> 5, lead & 31]
    if (info < 24) return [major, info]
    must(info !== 31, 'cbor-indefinite')
    must(info < 28 && major !== 7, 'cbor-unsupported')
    const size = 1 << (info - 24)
    let argument = 0n
    for (const byte of this.take(size)) argument = (argument << 8n) | BigInt(byte)
    must(argument >= (size === 1 ? 24n : 1n << BigInt(4 * size)), 'cbor-not-shortest') // check: shortest
    return [major, argument > Number.MAX_SAFE_INTEGER ? argument : Number(argument)]
  }

  value(depth = 0) {
    this.items += 1
    must(this.items <= this.bounds.items, 'cbor-too-many')
    const [major, argument] = this.head()
    if (major === 0) return argument
    if (major === 1) return typeof argument === 'bigint' ? -1n - argument : -1 - argument
    if (major === 2) return this.take(argument)
    if (major === 3) return this.text(argument)
    if (major === 7) return this.simple(argument)
    must(depth < this.bounds.depth, 'cbor-too-deep')
    if (major === 4) return this.array(argument, depth + 1)
    if (major === 5) return this.map(argument, depth + 1)
    must(argument === 18 || argument === 96, 'cbor-unsupported')
    return new Tagged(argument, this.value(depth + 1))
  }

  text(count) {
    const raw = this.take(count)
    try {
      return utf8.decode(raw)
    } catch {
      throw new Refused('cbor-text')
    }
  }

  simple(argument) {
    must(SIMPLE.has(argument), 'cbor-unsupported')
    return SIMPLE.get(argument)
  }

  array(count, depth) {
    must(count <= this.bounds.items, 'cbor-too-many')
    return Array.from({ length: count }, () => this.value(depth))
  }

  map(count, depth) {
    must(count <= this.bounds.pairs, 'cbor-too-many')
    const found = new Map()
    let last = Buffer.alloc(0)
    for (let pair = 0; pair < count; pair += 1) {
      const begin = this.at
      const key = this.value(depth)
      must(['number', 'bigint', 'string'].includes(typeof key), 'cbor-unsupported')
      const encoded = this.bytes.subarray(begin, this.at)
      must(!encoded.equals(last), 'cbor-duplicate-key')
      must(Buffer.compare(last, encoded) < 0, 'cbor-key-order') // check: key-order
      last = encoded
      found.set(key, this.value(depth))
    }
    return found
  }
}

export function decode(bytes, bounds = ENVELOPE) {
  const reader = new Reader(bytes, bounds)
  const value = reader.value()
  must(reader.at === bytes.length, 'cbor-trailing') // check: trailing
  return value
}

// The items of a CBOR sequence, each as bytes.
export function* sequence(bytes) {
  const reader = new Reader(bytes, { ...ENVELOPE, items: Infinity })
  while (reader.at < bytes.length) {
    const begin = reader.at
    reader.value()
    yield bytes.subarray(begin, reader.at)
  }
}
