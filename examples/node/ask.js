// Asks one bureau where a case stands, and prints the receipt and the answer, a line of JSON each.
//
//   node ask.js HOME NETWORK-FILE GATEWAY-URL TO OPERATION CASE
//
// HOME holds keys.json and link.key (from enrol.py), link.pem and ca.pem (from the authority). All persons are synthetic.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Bureau } from './bureau.js'
import { hex } from './cose.js'

const [home, networkFile, gateway, to, operation, caseNumber] = process.argv.slice(2)
const file = (name) => readFileSync(join(home, name))
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
const { address, signing, sealing } = JSON.parse(file('keys.json'))

const bureau = await Bureau.start({
  address,
  gateway,
  network: readFileSync(networkFile),
  signing: Buffer.from(signing, 'hex'),
  sealing: Buffer.from(sealing, 'hex'),
  certificate: file('link.pem'),
  key: file('link.key'),
  ca: file('ca.pem'),
  folder: join(home, 'state'),
})

async function answerTo(digest) {
  for (let tries = 0; tries < 10; tries += 1) {
    const found = (await bureau.take(10)).find((message) => message.re === hex(digest))
    if (found) return found
  }
  throw new Error('nobody answered')
}

const content = { asked: ['status'], case: caseNumber }
const sent = await bureau.ask({ to: [to], operation, purpose: 'arrest', kind: 'whereabouts.query/1', content, seconds: 30 })
say({ accepted: sent.accepted, index: sent.index, reason: sent.reason })
if (sent.accepted) {
  const { from, code, content: said } = await answerTo(sent.digest)
  say({ from, code, ...said })
}
bureau.stop()
process.exitCode = sent.accepted ? 0 : 1
