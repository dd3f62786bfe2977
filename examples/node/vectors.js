// Runs the receipts among the protocol's vectors through this client: `node vectors.js tests/vectors/receipt`.
// One line for each: its name, what it must come to, what it came to. Exits 1 if one differs.

import { readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { readReceipt, signingId } from './bureau.js'

const bytes = (hex) => Buffer.from(hex, 'hex')

function outcome({ data, net, key }) {
  const acceptance = new Map([[signingId(bytes(key)).toString('hex'), bytes(key)]])
  try {
    readReceipt(bytes(data), { id: bytes(net) }, { acceptance })
    return 'ok'
  } catch (error) {
    return error.message
  }
}

const folder = process.argv[2]
for (const name of readdirSync(folder).sort()) {
  const vector = JSON.parse(readFileSync(join(folder, name), 'utf8'))
  const came = outcome(vector.given)
  if (came !== vector.outcome) process.exitCode = 1
  process.stdout.write(`${basename(name, '.json')} ${vector.outcome} ${came}\n`)
}
