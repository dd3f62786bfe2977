// Opens one of our envelopes and checks its statement with nothing of ours: CBOR and COSE are read here, signatures and
// AES-GCM are Node's, HPKE is that of `hpke` and `@panva/hpke-noble`. JSON on the standard streams, bytes hexadecimal.
//
//   given   {statement, sealed, publicKey (Ed25519), seed (32 bytes, X-Wing), kid}
//   answer  {signature, digestMatches, commitMatches, content} or {error}

import { createDecipheriv, createHash, createPublicKey, verify } from 'node:crypto'
import { AEAD_AES_256_GCM, CipherSuite } from 'hpke'
import { KDF_SHAKE256, KEM_MLKEM768_X25519 } from '@panva/hpke-noble'

class Reader {
  constructor(bytes) {
    this.bytes = bytes
    this.at = 0
  }

  take(count) {
    if (this.at + count > this.bytes.length) throw new Error('truncated')
    this.at += count
    return this.bytes.subarray(this.at - count, this.at)
  }

  head() {
    const [lead] = this.take(1)
    const [major, info] = [lead >> 5, lead & 31]
    if (info < 24) return [major, info]
    if (info > 27) throw new Error('indefinite or reserved')
    let argument = 0n
    for (const byte of this.take(1 << (info - 24))) argument = (argument << 8n) | BigInt(byte)
    return [major, Number(argument)]
  }

  value() {
    const [major, argument] = this.head()
    switch (major) {
      case 0:
        return argument
      case 1:
        return -1 - argument
      case 2:
        return this.take(argument)
      case 3:
        return this.take(argument).toString('utf8')
      case 4:
        return Array.from({ length: argument }, () => this.value())
      case 5:
        return new Map(Array.from({ length: argument }, () => [this.value(), this.value()]))
      case 6:
        return { tag: argument, value: this.value() }
      default:
        return { 20: false, 21: true, 22: null }[argument]
    }
  }
}

function decode(bytes) {
  const reader = new Reader(bytes)
  const value = reader.value()
  if (reader.at !== bytes.length) throw new Error('trailing bytes')
  return value
}

function head(major, argument) {
  const lead = major << 5
  if (argument < 24) return Buffer.from([lead | argument])
  if (argument < 0x100) return Buffer.from([lead | 24, argument])
  if (argument < 0x10000) return Buffer.from([lead | 25, argument >> 8, argument & 255])
  const long = Buffer.alloc(5)
  long[0] = lead | 26
  long.writeUInt32BE(argument, 1)
  return long
}

function encode(value) {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(encode)])
  return Buffer.concat([head(2, value.length), value])
}

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest()

async function open({ statement, sealed, publicKey, seed, kid }) {
  const signed = decode(Buffer.from(statement, 'hex'))
  if (signed.tag !== 18) throw new Error('no COSE_Sign1')
  const [protectedHeader, unprotected, payload, signature] = signed.value
  if (unprotected.size !== 0) throw new Error('unprotected')
  const claims = decode(protectedHeader).get(15)
  const x = Buffer.from(publicKey, 'hex').toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  const toBeSigned = encode(['Signature1', protectedHeader, Buffer.alloc(0), payload])
  const sealedBytes = Buffer.from(sealed, 'hex')

  const [content, iv, ciphertext, recipients] = decode(sealedBytes).value
  const wrap = recipients.find((recipient) => recipient[1].get(4).toString('hex') === kid)
  const suite = new CipherSuite(KEM_MLKEM768_X25519, KDF_SHAKE256, AEAD_AES_256_GCM)
  const privateKey = await suite.DeserializePrivateKey(Buffer.from(seed, 'hex'))
  const info = encode(['HPKE Recipient', 3, wrap[0], sha256(protectedHeader)])
  const contentKey = await suite.Open(privateKey, wrap[1].get(-4), wrap[2], { info })

  const decipher = createDecipheriv('aes-256-gcm', contentKey, iv.get(5))
  decipher.setAAD(encode(['Encrypt', content, protectedHeader]))
  decipher.setAuthTag(ciphertext.subarray(-16))
  const plaintext = Buffer.concat([decipher.update(ciphertext.subarray(0, -16)), decipher.final()])
  const [salt, message] = decode(plaintext)
  return {
    algorithm: decode(wrap[0]).get(1),
    signature: verify(null, toBeSigned, key, signature),
    digestMatches: sha256(sealedBytes).equals(payload),
    commitMatches: sha256(Buffer.from('bureaunet/commit/1'), salt, message).equals(claims.get(-65548)),
    issuer: claims.get(1),
    content: message.toString('utf8'),
  }
}

let text = ''
for await (const chunk of process.stdin) text += chunk
try {
  process.stdout.write(JSON.stringify(await open(JSON.parse(text))))
} catch (error) {
  process.stdout.write(JSON.stringify({ error: `${error.name}: ${error.message}` }))
}
