// The content of messages (protocol section 1.3): JSON read strictly, and the form of the two kinds that this client
// knows. The forms are those of schemas/messages/jsonschema; of a person it looks at nothing but that one is there.

import { must } from './cbor.js'

const MOST = 1024 * 1024
const DEPTH = 16
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const TOKEN = /\s*(?:([{}[\]:,])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null)|(-?(?:NaN|Infinity)))/uy

// JSON.parse takes a name twice, and has no word for numbers that are not finite.
class Reader {
  constructor(source) {
    this.source = source
    TOKEN.lastIndex = 0
    this.next()
  }

  next() {
    const at = TOKEN.lastIndex
    const found = TOKEN.exec(this.source)
    this.token = found
    if (found === null) {
      must(/^\s*$/u.test(this.source.slice(at)), 'content-not-json')
    }
    return found
  }

  sign() {
    return this.token?.[1]
  }

  skip(sign) {
    must(this.sign() === sign, 'content-not-json')
    this.next()
  }

  value(depth = 1) {
    must(this.token !== null, 'content-not-json')
    const [, sign, string, number, word, wrong] = this.token
    must(wrong === undefined, 'content-number')
    if (sign === '{') return this.object(depth)
    if (sign === '[') return this.array(depth)
    must(sign === undefined, 'content-not-json')
    const found = JSON.parse(string ?? number ?? word)
    must(number === undefined || (number.length <= 32 && Number.isFinite(found)), 'content-number')
    this.next()
    return found
  }

  array(depth) {
    must(depth <= DEPTH, 'content-model')
    this.skip('[')
    const found = []
    while (this.sign() !== ']') {
      if (found.length) this.skip(',')
      found.push(this.value(depth + 1))
    }
    this.skip(']')
    return found
  }

  object(depth) {
    must(depth <= DEPTH, 'content-model')
    this.skip('{')
    const found = new Map()
    while (this.sign() !== '}') {
      if (found.size) this.skip(',')
      must(this.token?.[2] !== undefined, 'content-not-json')
      const name = JSON.parse(this.token[2])
      this.next()
      this.skip(':')
      const value = this.value(depth + 1)
      must(!found.has(name), 'content-duplicate-name') // check: duplicate-name
      found.set(name, value)
    }
    this.skip('}')
    const empty = (value) => value === null || (typeof value === 'object' && Object.keys(value).length === 0)
    must([...found.values()].every((value) => !empty(value)), 'content-model')
    return Object.fromEntries(found)
  }
}

const isText = (value) => typeof value === 'string' && value.length > 0
const isObject = (value) => typeof value === 'object' && !Array.isArray(value)
const oneOf = (...codes) => (value) => codes.includes(value)
const someOf = (...codes) => (value) =>
  Array.isArray(value) && value.every((one) => codes.includes(one)) && new Set(value).size === value.length

const QUERY = {
  asked: someOf('confirm-location', 'confirm-identity', 'status', 'provisional-arrest'),
  person: isObject, notice: isObject, case: isText, last_known: isObject, background: isText,
  tags: someOf('cold', 'high-priority', 'public-appeal'), restrictions: isText,
}
const FINDINGS = ['LOCATED', 'DETAINED', 'ARRESTED', 'DECEASED', 'TRACE', 'NO_TRACE', 'MORE_TIME', 'REFUSED']
const RESPONSE = {
  finding: oneOf(...FINDINGS),
  case: isText, place: isObject, date: isText, confidence: isText, source_grade: isText, information_grade: isText,
  until: Number.isInteger, ground: isText, remarks: isText, restrictions: isText,
}
const KINDS = {
  'whereabouts.query/1': (message) =>
    fits(message, QUERY) && 'asked' in message && ['person', 'notice', 'case'].some((name) => name in message),
  'whereabouts.response/1': (message) =>
    fits(message, RESPONSE) && 'finding' in message && ('until' in message) === (message.finding === 'MORE_TIME')
    && ('ground' in message) === (message.finding === 'REFUSED'),
}
const fits = (message, form) => Object.entries(message).every(([name, value]) => Object.hasOwn(form, name) && form[name](value))

export function readContent(kind, bytes) {
  must(Object.hasOwn(KINDS, kind), 'kind-unknown')
  must(bytes.length <= MOST, 'content-model')
  let source
  try {
    source = utf8.decode(bytes)
  } catch {
    must(false, 'content-not-json')
  }
  const reader = new Reader(source)
  const message = reader.value()
  must(reader.token === null, 'content-not-json')
  must(isObject(message) && message !== null && KINDS[kind](message), 'content-model') // check: content-model
  return message
}
