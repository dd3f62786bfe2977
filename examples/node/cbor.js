// The one encoding (protocol section 1.1): integers, bytes, text, arrays, maps, false, true, null, tags 18 and 96.
// Maps are `Map`s, written in the order of their encoded keys. `decode` refuses whatever it would not write itself.

export class Tagged {
  constructor(tag, value) {
    this.tag = tag
    this.value = value
  }
}

const SIMPLE = new Map([[20, false], [21, true], [22, null]])

function head(major, argument) {
  const lead = major << 5
  if (argument < 24) return Buffer.from([lead | argument])
  const [info, size] = argument < 2 ** 8 ? [24, 1] : argument < 2 ** 16 ? [25, 2] : argument < 2 ** 32 ? [26, 4] : [27, 8]
  const bytes = Buffer.alloc(9)
  bytes.writeBigUInt64BE(BigInt(argument), 1)
  bytes[8 - size] = lead | info
  return bytes.subarray(8 - size)
}

export function encode(value) {
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
  constructor(bytes) {
    this.bytes = bytes
    this.at = 0
  }

  take(count) {
    if (this.at + count > this.bytes.length) throw new Error('cbor: truncated')
    this.at += count
    return this.bytes.subarray(this.at - count, this.at)
  }

  head() {
    const [lead] = this.take(1)
    const [major, info] = [lead >> 5, lead & 31]
    if (info < 24) return [major, info]
    if (info > 27) throw new Error('cbor: indefinite or reserved')
    let argument = 0n
    for (const byte of this.take(1 << (info - 24))) argument = (argument << 8n) | BigInt(byte)
    if (argument > Number.MAX_SAFE_INTEGER) throw new Error('cbor: too large a number')
    return [major, Number(argument)]
  }

  value() {
    const [major, argument] = this.head()
    if (major === 0) return argument
    if (major === 1) return -1 - argument
    if (major === 2) return this.take(argument)
    if (major === 3) return this.take(argument).toString('utf8')
    if (major === 4) return Array.from({ length: this.bounded(argument) }, () => this.value())
    if (major === 5) return new Map(Array.from({ length: this.bounded(argument) }, () => [this.value(), this.value()]))
    if (major === 6) return new Tagged(argument, this.value())
    if (!SIMPLE.has(argument)) throw new Error('cbor: unsupported')
    return SIMPLE.get(argument)
  }

  bounded(count) {
    if (count > this.bytes.length - this.at) throw new Error('cbor: truncated')
    return count
  }
}

export function decode(bytes) {
  const reader = new Reader(bytes)
  const value = reader.value()
  if (reader.at !== bytes.length) throw new Error('cbor: trailing bytes')
  if (!encode(value).equals(bytes)) throw new Error('cbor: not the one encoding')
  return value
}

// The items of a CBOR sequence, each as bytes.
export function* sequence(bytes) {
  const reader = new Reader(bytes)
  while (reader.at < bytes.length) {
    const begin = reader.at
    reader.value()
    yield bytes.subarray(begin, reader.at)
  }
}
