// Envelopes and acknowledgements (protocol sections 1.2, 1.3 and 5.3): claims, sealing, opening.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { XWing } from '@noble/post-quantum/hybrid.js'
import { KDF_SHAKE256, KEM_MLKEM768_X25519 } from '@panva/hpke-noble'
import { AEAD_AES_256_GCM, CipherSuite } from 'hpke'
import { Tagged, decode, encode, must } from './cbor.js'
import { ALG, CLAIMS, ED25519, HPKE_9_KE, KID, NET, TYP, isBytes, isText, isWhole, parse, sealingKey, sha256, signed, typ } from './cose.js'
import { EMPTY } from './ledger.js'

export const CLAIM = {
  iss: 1, sub: 2, aud: 3, exp: 4, iat: 6, cti: 7, net: NET, head: -65538, kind: -65539, thread: -65540, re: -65541,
  urgency: -65542, replyBy: -65543, answer: -65544, until: -65545, purpose: -65546, handling: -65547, commit: -65548,
  exercise: -65549,
}
const [HASH_ALG, HASH_TYPE, SHA_256] = [258, 259, -16]
const [MAX_STATEMENT, MAX_SEALED, MAX_RECIPIENTS] = [16 * 1024, 10 * 1024 * 1024, 256]
const NONE = Buffer.alloc(0)
const suite = new CipherSuite(KEM_MLKEM768_X25519, KDF_SHAKE256, AEAD_AES_256_GCM)

// ---- claims

export const isAddress = (text) => /^[A-Z]{2,16}(\/[a-z0-9-]{1,40})?$/u.test(text) && !text.endsWith('\n') && !text.endsWith('/urgent')
export const isOperation = (text) => /^[a-z0-9][a-z0-9-]{0,39}$/u.test(text)
export const isKind = (text) => isText(text) && /^[ -~]{1,64}$/u.test(text)
const isId = (id) => isBytes(id, 16) && id[6] >> 4 === 7 && id[8] >> 6 === 2
export const messageId = (id) => must(isId(id), 'message-id')

const text = (value) => must(isText(value), 'claim-type')
const digest = (value) => must(isBytes(value, 32), 'claim-type')
const time = (value) => must(isWhole(value) && value >= 0 && value < 2 ** 40, 'claim-type')
const code = (...codes) => (value) => must(codes.includes(value), 'claim-type')
const address = (value) => {
  text(value)
  must(isAddress(value), 'address')
}
const recipients = (value) => {
  must(Array.isArray(value) && value.length > 0 && value.length <= MAX_RECIPIENTS, 'recipients')
  value.forEach(address)
  must(new Set(value).size === value.length, 'recipients')
}
const head = (value) => must(Array.isArray(value) && value.length === 2 && isWhole(value[0]) && value[0] >= 0 && isBytes(value[1], 32), 'claim-type')

const REQUIRED = [
  [CLAIM.iss, address],
  [CLAIM.sub, (value) => (text(value), must(isOperation(value), 'operation-unknown'))],
  [CLAIM.aud, recipients],
  [CLAIM.exp, time],
  [CLAIM.iat, time],
  [CLAIM.cti, (value) => (must(isBytes(value), 'claim-type'), messageId(value))],
  [CLAIM.net, digest],
  [CLAIM.head, head],
  [CLAIM.kind, (value) => must(isKind(value), 'claim-type')],
  [CLAIM.urgency, code('routine', 'urgent')],
  [CLAIM.purpose, code('arrest', 'extradition', 'location', 'identification', 'border-check', 'information', 'administration')],
  [CLAIM.handling, code('H0', 'H1', 'H2', 'H3')],
  [CLAIM.commit, digest],
  [CLAIM.exercise, (value) => must(typeof value === 'boolean', 'claim-type')],
]
const OPTIONAL = [
  [CLAIM.thread, digest],
  [CLAIM.re, digest],
  [CLAIM.replyBy, time],
  [CLAIM.answer, code('interim', 'final', 'refused', 'more-time')],
  [CLAIM.until, time],
]

function checkClaims(claims) {
  must(claims instanceof Map, 'structure')
  for (const [label, holds] of REQUIRED) {
    must(claims.has(label), 'claim-missing')
    holds(claims.get(label))
  }
  for (const [label, holds] of OPTIONAL) if (claims.has(label)) holds(claims.get(label))
  const known = new Set([...REQUIRED, ...OPTIONAL].map(([label]) => label))
  must([...claims.keys()].every((label) => known.has(label)), 'claim-unknown') // check: claim-unknown
  must((claims.get(CLAIM.answer) === 'more-time') === claims.has(CLAIM.until), 'claim-conflict')
  must(!claims.has(CLAIM.answer) || claims.has(CLAIM.re), 'claim-conflict')
  must(!claims.has(CLAIM.re) || claims.has(CLAIM.thread), 'claim-conflict')
  must(claims.get(CLAIM.exp) > claims.get(CLAIM.iat), 'claim-conflict')
}

export function checkSizes(statement, sealed) {
  must(statement.length <= MAX_STATEMENT, 'statement-too-large') // check: size
  must(sealed === null || sealed.length <= MAX_SEALED, 'sealed-too-large')
}

export function readStatement(raw) {
  const statement = parse(raw, 'envelope')
  const { header } = statement
  const labels = [ALG, KID, CLAIMS, TYP, HASH_ALG, HASH_TYPE]
  must(header.size === labels.length && labels.every((label) => header.has(label)), 'structure') // check: labels
  must(header.get(HASH_ALG) === SHA_256 && header.get(HASH_TYPE) === 'application/cose', 'algorithm')
  must(isBytes(statement.payload, 32), 'structure')
  checkClaims(statement.claims)
  return { ...statement, digest: sha256(raw) }
}

// ---- the sealed part

const commitment = (salt, content) => sha256(Buffer.from('bureaunet/commit/1'), salt, content)

function pad(salt, content) {
  const bare = encode([salt, content, NONE]).subarray(0, -1)
  const next = (size) => (size > 2 ** 20 ? Math.ceil(size / 2 ** 20) * 2 ** 20 : Math.max(1024, 2 ** Math.ceil(Math.log2(size))))
  for (let target = next(bare.length + 1); ; target = next(target + 1)) {
    for (const size of [1, 2, 3, 5]) {
      const tail = encode(Buffer.alloc(Math.max(0, target - bare.length - size)))
      if (bare.length + tail.length === target) return Buffer.concat([bare, tail])
    }
  }
}

function unpad(plaintext) {
  const [salt, content, zeros, ...more] = [decode(plaintext)].flat()
  must(isBytes(salt, 32) && isBytes(content) && isBytes(zeros) && more.length === 0, 'padding')
  must(pad(salt, content).equals(plaintext), 'padding') // check: padding
  return [salt, content]
}

function readWrap(value) {
  const [protectedHeader, header, wrapped, ...more] = Array.isArray(value) ? value : []
  must(isBytes(protectedHeader) && header instanceof Map && isBytes(wrapped) && more.length === 0, 'structure')
  must(header.size === 2 && isBytes(header.get(4)) && isBytes(header.get(-4)), 'structure')
  const inner = decode(protectedHeader)
  must(inner instanceof Map && inner.size === 1 && isWhole(inner.get(1)), 'structure')
  must(inner.get(1) !== HPKE_9_KE || header.get(-4).length === 1120, 'structure')
  return { protectedHeader, suite: inner.get(1), kid: header.get(4), encapsulated: header.get(-4), wrapped }
}

// The sealed part is the one that was signed, and has one wrap for each recipient.
export function checkSealed(statement, sealed) {
  must(sha256(sealed).equals(statement.payload), 'sealed-hash') // check: sealed-hash
  const value = decode(sealed)
  must(value instanceof Tagged && value.tag === 96 && Array.isArray(value.value) && value.value.length === 4, 'structure')
  const [contentHeader, unprotected, ciphertext, rows] = value.value
  must(isBytes(contentHeader) && unprotected instanceof Map && isBytes(ciphertext) && Array.isArray(rows), 'structure')
  must(unprotected.size === 1 && isBytes(unprotected.get(5)), 'structure')
  const inner = decode(contentHeader)
  must(inner instanceof Map && inner.size === 2 && inner.get(1) === 3 && isText(inner.get(3)), 'algorithm')
  must(unprotected.get(5).length === 12, 'structure')
  const wraps = rows.map(readWrap)
  must(wraps.length === statement.claims.get(CLAIM.aud).length, 'wraps') // check: wraps
  must(new Set(wraps.map((wrap) => wrap.kid.toString('hex'))).size === wraps.length, 'wraps')
  return { contentHeader, iv: unprotected.get(5), ciphertext, wraps }
}

// A private sealing key: X-Wing's 32 bytes.
export async function openerOf(seed) {
  return { key: await suite.DeserializePrivateKey(seed), kid: sealingKey(Buffer.from(XWing.keygen(seed).publicKey)) }
}

const wrapInfo = (wrapHeader, protectedHeader) => encode(['HPKE Recipient', 3, wrapHeader, sha256(protectedHeader)])

// The content, opened by whichever wrap this key opens.
export async function openSealed(statement, sealed, opener) {
  const { contentHeader, iv, ciphertext, wraps } = checkSealed(statement, sealed)
  const wrap = wraps.find((one) => one.kid.equals(opener.kid))
  must(wrap, 'unsealing')
  must(wrap.suite === HPKE_9_KE, 'suite')
  let plaintext
  try {
    const info = wrapInfo(wrap.protectedHeader, statement.protectedHeader)
    const contentKey = await suite.Open(opener.key, wrap.encapsulated, wrap.wrapped, { info })
    const decipher = createDecipheriv('aes-256-gcm', contentKey, iv)
    decipher.setAAD(encode(['Encrypt', contentHeader, statement.protectedHeader]))
    decipher.setAuthTag(ciphertext.subarray(-16))
    plaintext = Buffer.concat([decipher.update(ciphertext.subarray(0, -16)), decipher.final()])
  } catch {
    must(false, 'unsealing')
  }
  const [salt, content] = unpad(plaintext)
  must(commitment(salt, content).equals(statement.claims.get(CLAIM.commit)), 'commitment') // check: commitment
  return content
}

export function newId(milliseconds) {
  const id = Buffer.concat([Buffer.alloc(6), randomBytes(10)])
  id.writeUIntBE(milliseconds, 0, 6)
  id[6] = 0x70 | (id[6] & 0x0f)
  id[8] = 0x80 | (id[8] & 0x3f)
  return id
}

// `recipients` are raw sealing keys, in the order of aud.
export async function seal(claims, content, signer, keys) {
  const [salt, iv, contentKey] = [randomBytes(32), randomBytes(12), randomBytes(32)]
  const protectedClaims = new Map([...claims, [CLAIM.commit, commitment(salt, content)]])
  const header = [
    [ALG, ED25519], [KID, signer.kid], [CLAIMS, protectedClaims], [TYP, typ('envelope')],
    [HASH_ALG, SHA_256], [HASH_TYPE, 'application/cose'],
  ]
  const protectedHeader = encode(new Map(header))
  const contentHeader = encode(new Map([[1, 3], [3, 'application/json']]))
  const cipher = createCipheriv('aes-256-gcm', contentKey, iv)
  cipher.setAAD(encode(['Encrypt', contentHeader, protectedHeader]))
  const ciphertext = Buffer.concat([cipher.update(pad(salt, content)), cipher.final(), cipher.getAuthTag()])
  const wrapHeader = encode(new Map([[1, HPKE_9_KE]]))
  const wraps = await Promise.all(keys.map(async (key) => {
    const info = wrapInfo(wrapHeader, protectedHeader)
    const { encapsulatedSecret, ciphertext: wrapped } = await suite.Seal(await suite.DeserializePublicKey(key), contentKey, { info })
    return [wrapHeader, new Map([[4, sealingKey(key)], [-4, Buffer.from(encapsulatedSecret)]]), Buffer.from(wrapped)]
  }))
  const sealed = encode(new Tagged(96, [contentHeader, new Map([[5, iv]]), ciphertext, wraps]))
  const statement = signed(header, sha256(sealed), signer.key)
  return { statement, sealed, digest: sha256(statement) }
}

// ---- acknowledgements

export function acknowledge(who, signer, net, digestOf, reason, seconds, seen = [0, EMPTY]) {
  const claims = new Map([[CLAIM.iss, who], [CLAIM.iat, seconds], [CLAIM.net, net], [CLAIM.head, seen]])
  const header = [[ALG, ED25519], [KID, signer.kid], [CLAIMS, claims], [TYP, typ('acknowledgement')]]
  return signed(header, encode([digestOf, reason === null ? 'processed' : 'refused', reason]), signer.key)
}
