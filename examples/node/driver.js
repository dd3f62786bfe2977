// The driver of this client for the conformance kit (docs/conformance.md): a request a line in, an answer a line out.
//
//   bureaunet conformance --command "node driver.js"

import { createInterface } from 'node:readline'
import { Bureau } from './bureau.js'
import { Refused, decode, encode, must } from './cbor.js'
import { readContent } from './content.js'
import { byId, hex, privateKey, sealingKey, signingKey } from './cose.js'
import { CLAIM, acknowledge, checkSealed, checkSizes, isAddress, messageId, newId, openSealed, openerOf, readStatement, seal } from './envelope.js'
import { EMPTY, checkConsistency, checkInclusion, readCheckpoint, readProof, readReceipt } from './ledger.js'
import { readItem, verify } from './recipient.js'
import { claimedOperation, readAttestation, readCurrent, readDirectory, readNetwork, readOperation, rowOf } from './trust.js'

const bytes = (value) => (typeof value === 'string' ? Buffer.from(value, 'hex') : Buffer.alloc(value.count, Buffer.from(value.repeat, 'hex')))
const maybe = (value, read) => (value === null || value === undefined ? null : read(bytes(value)))
const done = async (work) => {
  await work
  return {}
}

const OPERATIONS = {
  hello: () => ({ name: 'examples/node', links: ['http'], contract: 1 }),
  cbor: ({ data }) => ({ encodes: hex(encode(decode(bytes(data)))) }),
  address: ({ text }) => done(must(isAddress(text), 'address')),
  'message-id': ({ data }) => done(messageId(bytes(data))),
  statement: ({ data }) => {
    const { digest, claims, kid } = readStatement(bytes(data))
    return { digest: hex(digest), iss: claims.get(CLAIM.iss), kid: hex(kid) }
  },
  sealed: ({ statement, sealed }) => done(checkSealed(readStatement(bytes(statement)), bytes(sealed))),
  open: async ({ statement, sealed, suite, x_wing }) => {
    if (suite !== 57) return null
    return { content: hex(await openSealed(readStatement(bytes(statement)), bytes(sealed), await openerOf(bytes(x_wing)))) }
  },
  content: ({ kind, data }) => done(readContent(kind, bytes(data))),
  size: ({ statement, sealed }) => done(checkSizes(bytes(statement), bytes(sealed))),
  'signing-key': ({ data }) => ({ key_id: hex(signingKey(bytes(data))) }),
  'sealing-key': ({ data, suite }) => (suite === 50 ? null : { key_id: hex(sealingKey(bytes(data), suite)) }),
  network: ({ data }) => ({ id: hex(readNetwork(bytes(data)).id) }),
  directory: ({ data, network, previous }) => {
    const pinned = readNetwork(bytes(network))
    return done(readDirectory(bytes(data), pinned, maybe(previous, (raw) => readDirectory(raw, pinned))))
  },
  current: ({ data, network, directory, now }) => {
    const pinned = readNetwork(bytes(network))
    return done(readCurrent(bytes(data), pinned, readDirectory(bytes(directory), pinned), now))
  },
  operation: ({ data, key, net, previous }) => {
    const keys = byId([bytes(key)])
    return done(readOperation(bytes(data), bytes(net), keys, maybe(previous, (raw) => readOperation(raw, bytes(net), keys))))
  },
  recipient: async ({ to, item, network, directory, operation, x_wing, seen }) => {
    const pinned = readNetwork(bytes(network))
    const version = readDirectory(bytes(directory), pinned)
    const owner = rowOf(version, claimedOperation(bytes(operation)).owner)
    const known = readOperation(bytes(operation), pinned.id, new Map(owner.signing.map((one) => [one.id, one.raw])))
    const ids = new Map(seen.map(([iss, cti, digest]) => [`${iss} ${cti}`, digest]))
    const trust = { network: pinned, directory: version, operations: new Map([[known.id, known]]) }
    await verify(readItem(bytes(item)), to, trust, await openerOf(bytes(x_wing)), (iss, cti) => ids.get(`${iss} ${hex(cti)}`))
    return {}
  },
  inclusion: ({ leaf, index, size, path, root }) => done(checkInclusion(bytes(leaf), index, size, path.map(bytes), bytes(root))),
  consistency: (given) => done(checkConsistency(given.old, bytes(given.old_root), given.new, bytes(given.new_root), given.path.map(bytes))),
  checkpoint: ({ text, origin, log, witness }) => done(readCheckpoint(text, { origin, log: bytes(log) }, new Map([['w1.example', bytes(witness)]]))),
  receipt: ({ data, net, key }) => done(readReceipt(bytes(data), bytes(net), byId([bytes(key)]))),
  attestation: ({ data, net, key }) => done(readAttestation(bytes(data), bytes(net), byId([bytes(key)]))),
  proof: ({ text, entry, origin, log }) => done(readProof(text, bytes(entry), { origin, log: bytes(log) })),
  seal: async (given) => {
    const claims = new Map([
      [CLAIM.iss, given.from], [CLAIM.sub, given.operation], [CLAIM.aud, given.to], [CLAIM.iat, given.now],
      [CLAIM.exp, given.now + 3600], [CLAIM.cti, newId(given.now * 1000)], [CLAIM.net, bytes(given.net)], [CLAIM.head, [0, EMPTY]],
      [CLAIM.kind, given.kind], [CLAIM.urgency, 'routine'], [CLAIM.purpose, given.purpose], [CLAIM.handling, 'H0'],
      [CLAIM.exercise, given.exercise],
    ])
    const made = await seal(claims, bytes(given.content), privateKey(bytes(given.signing_seed)), given.keys.map(bytes))
    return { statement: hex(made.statement), sealed: hex(made.sealed) }
  },
  acknowledge: ({ from, signing_seed, net, digest, reason, now }) => ({
    data: hex(acknowledge(from, privateKey(bytes(signing_seed)), bytes(net), bytes(digest), reason, now)),
  }),
  'live.start': async (given) => {
    bureau = await Bureau.start({
      ...given,
      network: bytes(given.network),
      signing: bytes(given.signing_seed),
      sealing: bytes(given.x_wing),
      ca: given.authority,
    })
    return {}
  },
  'live.ask': async (given) => {
    const sent = await bureau.ask(given)
    return { digest: hex(sent.digest), accepted: sent.accepted, index: sent.index, reason: sent.reason }
  },
  'live.take': async ({ seconds }) => ({ messages: await bureau.take(seconds), attested: bureau.attested.splice(0) }),
  'live.refresh': () => done(bureau.refresh()),
  'live.prove': async ({ digest, seconds }) => ({ index: await bureau.prove(bytes(digest), seconds) }),
  'live.stop': () => {
    bureau?.stop()
    bureau = null
    return {}
  },
}

let bureau = null

async function answer({ id, do: name, given }) {
  if (!Object.hasOwn(OPERATIONS, name)) return { id, outcome: 'unsupported' }
  try {
    const shows = await OPERATIONS[name](given)
    return shows === null ? { id, outcome: 'unsupported' } : { id, outcome: 'ok', shows }
  } catch (error) {
    if (error instanceof Refused) return { id, outcome: error.reason }
    return { id, outcome: 'internal', detail: String(error.stack).slice(0, 2000) }
  }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`)
}
bureau?.stop()
