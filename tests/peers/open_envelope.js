// Opens one of our envelopes and checks its statement with nothing of this project but the example's CBOR: COSE is read
// here, signatures and AES-GCM are Node's, HPKE is that of `hpke` and `@panva/hpke-noble`. JSON on the standard streams,
// bytes hexadecimal.
//
//   given   {statement, sealed, publicKey (Ed25519), seed (32 bytes, X-Wing), kid}
//   answer  {signature, digestMatches, commitMatches, content} or {error}

import { createDecipheriv, createHash, createPublicKey, verify } from 'node:crypto'
import { AEAD_AES_256_GCM, CipherSuite } from 'hpke'
import { KDF_SHAKE256, KEM_MLKEM768_X25519 } from '@panva/hpke-noble'
import { decode, encode } from '../../examples/node/cbor.js'

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
