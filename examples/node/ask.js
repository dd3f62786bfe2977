// Asks one bureau where a case stands, and prints the receipt and the answer, a line of JSON each.
//
//   node ask.js HOME NETWORK-FILE GATEWAY-URL TO OPERATION CASE
//
// HOME holds keys.json and link.key (from enrol.py), link.pem and ca.pem (from the authority). All persons are synthetic.

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { CLAIM, acknowledge, keysOf, open, readDirectory, readNetwork, readReceipt, seal, sha256 } from './bureau.js'
import { decode, encode, sequence } from './cbor.js'

const [home, networkFile, gateway, to, operation, caseNumber] = process.argv.slice(2)
const file = (name) => readFileSync(join(home, name))
const seconds = () => Math.floor(Date.now() / 1000)
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
const agent = new Agent({ cert: file('link.pem'), key: file('link.key'), ca: file('ca.pem'), minVersion: 'TLSv1.3', keepAlive: true })

function http(method, path, body, type = 'application/cbor') {
  return new Promise((resolve, reject) => {
    const headers = body ? { 'Content-Type': type, 'Content-Length': body.length } : {}
    const sent = request(new URL(path, gateway), { method, agent, headers }, (answer) => {
      const parts = []
      answer.on('data', (part) => parts.push(part))
      answer.on('end', () => resolve({ status: answer.statusCode, body: Buffer.concat(parts) }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

function messageId() {
  const id = Buffer.concat([Buffer.alloc(6), randomBytes(10)])
  id.writeUIntBE(Date.now(), 0, 6)
  id[6] = 0x70 | (id[6] & 0x0f)
  id[8] = 0x80 | (id[8] & 0x3f)
  return id
}

function query(keys, network) {
  const now = seconds()
  return new Map([
    [CLAIM.iss, keys.address], [CLAIM.sub, operation], [CLAIM.aud, [to]], [CLAIM.iat, now], [CLAIM.exp, now + 24 * 3600],
    [CLAIM.cti, messageId()], [CLAIM.net, network.id], [CLAIM.head, [0, sha256()]], [CLAIM.kind, 'whereabouts.query/1'],
    [CLAIM.urgency, 'routine'], [CLAIM.purpose, 'arrest'], [CLAIM.handling, 'H0'], [CLAIM.exercise, network.exercise],
  ])
}

async function answerTo(digest, keys, network, directory) {
  for (let after = -1, tries = 0; tries < 10; tries += 1) {
    const { body } = await http('GET', `/v1/inbox?after=${after}&wait=10`)
    for (const item of sequence(body)) {
      const [index, type] = decode(item)
      after = Math.max(after, index)
      if (type !== 'envelope') continue
      const answer = await open(item, keys, network, directory)
      await http('POST', '/v1/evidence', acknowledge(answer.digest, keys, network, seconds()), 'application/cose')
      if (answer.claims.get(CLAIM.re)?.equals(digest)) return answer
    }
  }
  throw new Error('nobody answered')
}

const keys = await keysOf(JSON.parse(file('keys.json')))
const network = readNetwork(readFileSync(networkFile))
const directory = readDirectory((await http('GET', '/v1/directory')).body, network, seconds())
const recipient = directory.participants.get(to)
if (!recipient?.active) throw new Error('recipient-unknown')

const content = Buffer.from(JSON.stringify({ asked: ['status'], case: caseNumber }))
const envelope = await seal(query(keys, network), content, keys, [recipient.sealing[0]])
const submitted = await http('POST', '/v1/messages', encode([envelope.statement, envelope.sealed]))
const receipt = readReceipt(submitted.body, network, directory)
if (!receipt.digest.equals(envelope.digest)) throw new Error('the receipt is for another message')
say({ accepted: receipt.accepted, index: receipt.index, reason: receipt.reason })
if (receipt.accepted) {
  const answer = await answerTo(envelope.digest, keys, network, directory)
  say({ from: answer.claims.get(CLAIM.iss), code: answer.claims.get(CLAIM.answer), ...answer.content })
}
agent.destroy()
process.exitCode = receipt.accepted ? 0 : 1
