// Keys and signed statements (protocol sections 1, 1.5, 2.1 and 2.2): Ed25519, COSE_Sign1, threshold statements.

import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { DIRECTORY, ENVELOPE, Tagged, decode, encode, must } from './cbor.js'

export const [ALG, KID, CLAIMS, TYP] = [1, 4, 15, 16]
export const NET = -65537
export const [ED25519, HPKE_9_KE] = [-19, 57]
const NONE = Buffer.alloc(0)

export const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest()
export const typ = (name) => `application/vnd.bureaunet.${name}+cose`
export const isBytes = (value, size) => Buffer.isBuffer(value) && (size === undefined || value.length === size)
export const isWhole = (value) => typeof value === 'number' && Number.isInteger(value)
export const isText = (value) => typeof value === 'string'
export const hex = (bytes) => bytes.toString('hex')

// ---- public keys: canonical, of full order

const P = 2n ** 255n - 19n
const WEAK_Y = [
  0n, 1n, P - 1n, 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
]
const WEAK_U = [
  0n, 1n, P - 1n, 0x00b8495f16056286fdb1329ceb8d09da6ac49ff1fae35616aeb8413b7c7aebe0n,
  0x57119fd0dd4e22d8868e1c58c45c44045bef839c55b1d0b1248c50a3bc959c5fn,
]
const [KEM_SIZE, KEM_Q] = [1184, 3329]
const little = (bytes) => BigInt(`0x${hex(Buffer.from(bytes).reverse())}`)
const yOf = (bytes) => little(bytes.subarray(0, 32)) & (2n ** 255n - 1n)

// The id of an Ed25519 key, once it is one that may be used.
export function signingKey(raw) {
  must(isBytes(raw, 32), 'key-form')
  const y = yOf(raw)
  must(y < P && !WEAK_Y.includes(y), 'key-weak') // check: signing-key
  return sha256(encode(new Map([[1, 1], [-1, 6], [-2, raw]])))
}

// The id of a sealing key of the network's one suite.
export function sealingKey(raw, suite = HPKE_9_KE) {
  must(suite === HPKE_9_KE, 'suite')
  must(isBytes(raw, KEM_SIZE + 32), 'key-form')
  const u = little(raw.subarray(KEM_SIZE))
  must(u < P && !WEAK_U.includes(u), 'key-weak') // check: sealing-key
  for (let at = 0; at < KEM_SIZE - 32; at += 3) {
    const [low, high] = [raw[at] | ((raw[at + 1] & 15) << 8), (raw[at + 1] >> 4) | (raw[at + 2] << 4)]
    must(low < KEM_Q && high < KEM_Q, 'key-weak')
  }
  return sha256(encode(new Map([[1, 7], [3, HPKE_9_KE], [-1, raw]])))
}

const publicKey = (x) => createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url') }, format: 'jwk' })

// A private key of 32 bytes, and the id of its public half.
export function privateKey(seed) {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return { key, kid: signingKey(Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x, 'base64url')) }
}

export const byId = (keys) => new Map(keys.map((raw) => [hex(signingKey(raw)), raw]))

// ---- statements: COSE_Sign1 with an empty unprotected map

export function signed(header, payload, key) {
  const protectedHeader = encode(new Map(header))
  const signature = sign(null, encode(['Signature1', protectedHeader, NONE, payload]), key)
  return encode(new Tagged(18, [protectedHeader, new Map(), payload, signature]))
}

// A statement taken apart; nothing is verified until `check`.
export function parse(statement, type, bounds = ENVELOPE) {
  const value = decode(statement, bounds)
  must(value instanceof Tagged && value.tag === 18, 'structure')
  const [protectedHeader, unprotected, payload, signature, ...more] = Array.isArray(value.value) ? value.value : []
  must(isBytes(protectedHeader) && unprotected instanceof Map && more.length === 0, 'structure')
  must(isBytes(payload) && isBytes(signature), 'structure')
  must(unprotected.size === 0, 'unprotected-not-empty') // check: unprotected
  const header = decode(protectedHeader)
  must(header instanceof Map, 'structure')
  must(header.get(ALG) === ED25519, 'algorithm') // check: algorithm
  must(isBytes(header.get(KID), 32), 'structure')
  must(header.get(TYP) === typ(type), 'typ') // check: typ
  return { raw: statement, protectedHeader, header, claims: header.get(CLAIMS), kid: header.get(KID), payload, signature }
}

// The statement's claims are that it is of this network, and nothing else.
export function checkNetwork({ header, claims }, net, reason = 'network') {
  must(header.size === 4 && claims instanceof Map, reason)
  must(claims.size === 1 && isBytes(claims.get(NET)) && claims.get(NET).equals(net), reason) // check: network
}

// `keys` are raw public keys by their id in hexadecimal.
export function check(statement, keys) {
  const raw = keys.get(hex(statement.kid))
  must(raw, 'key-unknown')
  const bytes = encode(['Signature1', statement.protectedHeader, NONE, statement.payload])
  must(verify(null, bytes, publicKey(raw), statement.signature), 'signature') // check: signature
  // OpenSSL takes an R of small order.
  must(!WEAK_Y.includes(yOf(statement.signature)), 'signature') // check: signature-r
}

// A threshold statement's payload: enough of the authority's keys signed it, and nobody else.
export function threshold(data, type, { keys, needed }, net) {
  const parts = decode(data, DIRECTORY)
  must(Array.isArray(parts) && parts.length > 0 && parts.length <= keys.size && parts.every((part) => isBytes(part)), 'structure')
  const statements = parts.map((part) => parse(part, type, DIRECTORY))
  statements.forEach((part, place) => {
    if (net === null) must(part.header.size === 3 && part.claims === undefined, 'structure')
    else checkNetwork(part, net)
    must(place === 0 || Buffer.compare(statements[place - 1].kid, part.kid) < 0, 'structure')
    must(part.payload.equals(statements[0].payload), 'structure')
    check(part, keys)
  })
  must(parts.length >= needed, 'threshold') // check: threshold
  return statements[0].payload
}
