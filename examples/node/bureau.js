// What a bureau must do with bytes (protocol sections 1, 2, 4 and 5): sign and verify statements, seal and open content,
// check the authority's directory and the gateway's receipts. No network here, no files, no clock.

import { createCipheriv, createDecipheriv, createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto'
import { KDF_SHAKE256, KEM_MLKEM768_X25519 } from '@panva/hpke-noble'
import { AEAD_AES_256_GCM, CipherSuite } from 'hpke'
import { Tagged, decode, encode } from './cbor.js'

export const CLAIM = {
  iss: 1, sub: 2, aud: 3, exp: 4, iat: 6, cti: 7, net: -65537, head: -65538, kind: -65539, thread: -65540, re: -65541,
  urgency: -65542, replyBy: -65543, answer: -65544, purpose: -65546, handling: -65547, commit: -65548, exercise: -65549,
}
const [ALG, KID, CLAIMS, TYP, HASH_ALG, HASH_TYPE] = [1, 4, 15, 16, 258, 259]
const [ED25519, SHA_256, HPKE_9_KE] = [-19, -16, 57]
const NONE = Buffer.alloc(0)
const suite = new CipherSuite(KEM_MLKEM768_X25519, KDF_SHAKE256, AEAD_AES_256_GCM)

export const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest()
const typ = (name) => `application/vnd.bureaunet.${name}+cose`
const must = (holds, reason) => {
  if (!holds) throw new Error(reason)
}

// ---- keys: Ed25519 and X-Wing, each made of 32 bytes

const publicKey = (x) => createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url') }, format: 'jwk' })
export const signingId = (x) => sha256(encode(new Map([[1, 1], [-1, 6], [-2, x]])))
const sealingId = (key) => sha256(encode(new Map([[1, 7], [3, HPKE_9_KE], [-1, key]])))

export async function keysOf({ address, signing, sealing }) {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(signing, 'hex')])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const x = Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x, 'base64url')
  return { address, key, kid: signingId(x), opener: await suite.DeserializePrivateKey(Buffer.from(sealing, 'hex')) }
}

// ---- statements: COSE_Sign1 with an empty unprotected map

function signed(header, payload, key) {
  const protectedHeader = encode(new Map(header))
  const signature = sign(null, encode(['Signature1', protectedHeader, NONE, payload]), key)
  return encode(new Tagged(18, [protectedHeader, new Map(), payload, signature]))
}

function parse(statement, type) {
  const value = decode(statement)
  must(value instanceof Tagged && value.tag === 18, 'structure')
  const [protectedHeader, unprotected, payload, signature] = value.value
  must(unprotected.size === 0, 'unprotected-not-empty')
  const header = decode(protectedHeader)
  must(header.get(ALG) === ED25519, 'algorithm')
  must(header.get(TYP) === typ(type), 'typ')
  return { protectedHeader, header, claims: header.get(CLAIMS), kid: header.get(KID), payload, signature }
}

function check(statement, keys) {
  const raw = keys.get(statement.kid.toString('hex'))
  must(raw, 'key-unknown')
  const bytes = encode(['Signature1', statement.protectedHeader, NONE, statement.payload])
  must(verify(null, bytes, publicKey(raw), statement.signature), 'signature')
}

const byId = (keys) => new Map(keys.map((raw) => [signingId(raw).toString('hex'), raw]))

// ---- trust: the network file that was pinned, and the authority's directory (sections 2.2 and 2.3)

function threshold(data, type, keys, needed, net) {
  const parts = decode(data).map((part) => parse(part, type))
  must(parts.length >= needed, 'threshold')
  parts.forEach((part, place) => {
    must(place === 0 || Buffer.compare(parts[place - 1].kid, part.kid) < 0, 'structure')
    must(part.payload.equals(parts[0].payload), 'structure')
    must(net === null || part.claims.get(CLAIM.net).equals(net), 'network')
    check(part, keys)
  })
  return decode(parts[0].payload)
}

export function readNetwork(file) {
  const [magic, genesis] = decode(file)
  must(magic === 'bureaunet-network/1', 'structure')
  const claimed = decode(parse(decode(genesis)[0], 'genesis').payload)
  const [authority, needed] = [byId(claimed[3]), claimed[4]]
  threshold(genesis, 'genesis', authority, needed, null)
  return { id: sha256(genesis), name: claimed[0], exercise: claimed[1], authority, needed }
}

const validAt = ([since, until, voidFrom], now) => since <= now && (until === null || now < until) && voidFrom === null

export function readDirectory(statement, network, now) {
  const [version, , , services, participants] = threshold(statement, 'directory', network.authority, network.needed, network.id)
  const valid = (keys) => keys.filter((row) => validAt(row.at(-1), now))
  const rows = participants.map(([address, , , , state, signing, sealing]) => [
    address,
    { active: state === 'active', signing: byId(valid(signing).map(([key]) => key)), sealing: valid(sealing).map((row) => row[1]) },
  ])
  return {
    version,
    participants: new Map(rows),
    acceptance: byId(services.filter(([use]) => use === 'acceptance').map(([, key]) => key)),
  }
}

// ---- receipts: one signature over a batch, and the path of our item (section 5.4)

function rootOf(leaf, position, size, path) {
  must(position < size, 'inclusion')
  let [node, place, last] = [leaf, position, size - 1]
  for (const sibling of path) {
    must(last > 0, 'inclusion')
    if (place % 2 === 1 || place === last) {
      node = sha256(Buffer.from([1]), sibling, node)
      while (place % 2 === 0 && place !== 0) [place, last] = [place >> 1, last >> 1]
    } else {
      node = sha256(Buffer.from([1]), node, sibling)
    }
    ;[place, last] = [place >> 1, last >> 1]
  }
  must(last === 0, 'inclusion')
  return node
}

export function readReceipt(receipt, network, directory) {
  const parts = decode(receipt)
  const [batch, position, path, item] = parts
  must(parts.length === 4 && Number.isInteger(position) && Array.isArray(path), 'receipt-form')
  const statement = parse(batch, 'acceptance')
  must(statement.claims.get(CLAIM.net).equals(network.id), 'network')
  check(statement, directory.acceptance)
  const [root, size] = decode(statement.payload)
  must(rootOf(sha256(Buffer.from([0]), item), position, size, path).equals(root), 'inclusion')
  const said = decode(item)
  must(Array.isArray(said) && said.length === 5, 'receipt-form')
  const [digest, event, index, time, reason] = said
  return { digest, accepted: event === 'SubmissionAcceptance', index, time, reason }
}

// ---- envelopes (sections 1.2 and 1.3)

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

const wrapInfo = (wrapHeader, protectedHeader) => encode(['HPKE Recipient', 3, wrapHeader, sha256(protectedHeader)])

export async function seal(claims, content, keys, recipients) {
  const [salt, iv, contentKey] = [randomBytes(32), randomBytes(12), randomBytes(32)]
  const header = [
    [ALG, ED25519], [KID, keys.kid], [CLAIMS, new Map([...claims, [CLAIM.commit, commitment(salt, content)]])],
    [TYP, typ('envelope')], [HASH_ALG, SHA_256], [HASH_TYPE, 'application/cose'],
  ]
  const protectedHeader = encode(new Map(header))
  const contentHeader = encode(new Map([[1, 3], [3, 'application/json']]))
  const cipher = createCipheriv('aes-256-gcm', contentKey, iv)
  cipher.setAAD(encode(['Encrypt', contentHeader, protectedHeader]))
  const ciphertext = Buffer.concat([cipher.update(pad(salt, content)), cipher.final(), cipher.getAuthTag()])
  const wrapHeader = encode(new Map([[1, HPKE_9_KE]]))
  const wraps = await Promise.all(recipients.map(async (key) => {
    const info = wrapInfo(wrapHeader, protectedHeader)
    const { encapsulatedSecret, ciphertext: wrapped } = await suite.Seal(await suite.DeserializePublicKey(key), contentKey, { info })
    return [wrapHeader, new Map([[4, sealingId(key)], [-4, Buffer.from(encapsulatedSecret)]]), Buffer.from(wrapped)]
  }))
  const sealed = encode(new Tagged(96, [contentHeader, new Map([[5, iv]]), ciphertext, wraps]))
  const statement = signed(header, sha256(sealed), keys.key)
  return { statement, sealed, digest: sha256(statement) }
}

export async function open(item, keys, network, directory) {
  const [, , receipt, raw, sealed] = decode(item)
  const [accepted, statement] = [readReceipt(receipt, network, directory), parse(raw, 'envelope')]
  must(accepted.accepted && accepted.digest.equals(sha256(raw)), 'not-accepted')
  const { claims } = statement
  must(claims.get(CLAIM.net).equals(network.id), 'network')
  check(statement, directory.participants.get(claims.get(CLAIM.iss))?.signing ?? new Map())
  const place = claims.get(CLAIM.aud).indexOf(keys.address)
  must(place >= 0, 'not-addressed')
  must(sealed !== null && sha256(sealed).equals(statement.payload), 'sealed-hash')
  const [contentHeader, iv, ciphertext, wraps] = decode(sealed).value
  const [wrapHeader, wrap, wrapped] = wraps[place]
  must(decode(wrapHeader).get(1) === HPKE_9_KE, 'suite')
  const info = wrapInfo(wrapHeader, statement.protectedHeader)
  const contentKey = await suite.Open(keys.opener, wrap.get(-4), wrapped, { info })
  const decipher = createDecipheriv('aes-256-gcm', contentKey, iv.get(5))
  decipher.setAAD(encode(['Encrypt', contentHeader, statement.protectedHeader]))
  decipher.setAuthTag(ciphertext.subarray(-16))
  const plaintext = Buffer.concat([decipher.update(ciphertext.subarray(0, -16)), decipher.final()])
  const [salt, content] = decode(plaintext)
  must(pad(salt, content).equals(plaintext), 'padding')
  must(commitment(salt, content).equals(claims.get(CLAIM.commit)), 'commitment')
  return { claims, digest: sha256(raw), content: JSON.parse(content.toString('utf8')) }
}

export function acknowledge(digest, keys, network, now) {
  const claims = new Map([[CLAIM.iss, keys.address], [CLAIM.iat, now], [CLAIM.net, network.id], [CLAIM.head, [0, sha256()]]])
  const header = [[ALG, ED25519], [KID, keys.kid], [CLAIMS, claims], [TYP, typ('acknowledgement')]]
  return signed(header, encode([digest, 'processed', null]), keys.key)
}
