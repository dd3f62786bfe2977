// What a recipient checks (protocol section 4), in its order, before anybody sees the message.

import { decode, must, Refused } from './cbor.js'
import { check, hex, isBytes, isWhole, sha256 } from './cose.js'
import { readContent } from './content.js'
import { CLAIM, openSealed, readStatement } from './envelope.js'
import { readReceipt } from './ledger.js'
import { acceptanceKeys, covers, memberOf, rowOf, serviceKeys, voidAt } from './trust.js'

export const FIRST_ANSWERED = 4

export function readItem(bytes) {
  const [index, type, acceptance, statement, sealed, ...more] = [decode(bytes)].flat()
  must(isWhole(index) && typeof type === 'string' && more.length === 0, 'structure')
  must(isBytes(acceptance) && isBytes(statement) && (sealed === null || isBytes(sealed)), 'structure')
  return { index, type, acceptance, statement, sealed }
}

// A receipt of the gateway's, by a key that counts at the receipt's own time and place.
export function accepted(receipt, { network, directory }) {
  const said = readReceipt(receipt, network.id, serviceKeys(directory, 'acceptance'))
  const keys = acceptanceKeys(directory, Math.floor(said.time / 1000), said.index ?? Infinity)
  readReceipt(receipt, network.id, keys)
  return said
}

function senderKey(statement, { directory }, receipt) {
  const row = rowOf(directory, statement.claims.get(CLAIM.iss))
  const found = row?.signing.find((one) => one.id === hex(statement.kid))
  must(found, 'key-unknown') // check: sender-key
  must(covers(found, Math.floor(receipt.time / 1000)), 'key-not-valid')
  must(!voidAt(found, receipt.index), 'key-void')
  return new Map([[found.id, found.raw]])
}

function checkOperation(claims, ours, { operations, network }, receipt) {
  const operation = operations.get(claims.get(CLAIM.sub))
  must(operation, 'operation-unknown')
  const seconds = Math.floor(receipt.time / 1000)
  must(!['evaluated', 'closed'].includes(operation.phase), 'operation-closed')
  must(['owner', 'participant'].includes(memberOf(operation, claims.get(CLAIM.iss), seconds)?.role), 'sender-not-member')
  const receives = (address) => ['owner', 'participant', 'observer'].includes(memberOf(operation, address, seconds)?.role)
  must(ours.some(receives), 'recipient-not-member')
  must(operation.kinds.includes(claims.get(CLAIM.kind)), 'kind-not-allowed')
  must(operation.purposes.includes(claims.get(CLAIM.purpose)), 'purpose')
  must(operation.handling.includes(claims.get(CLAIM.handling)), 'handling')
  const exercise = network.exercise || ['planned', 'training'].includes(operation.phase)
  must(claims.get(CLAIM.exercise) === exercise, 'exercise')
}

// The ten checks over an item for `address`. `seen` gives the digest in hexadecimal that an id has, or undefined.
// What is refused says at which check: from the fourth on the sender hears of it.
export async function verify(item, address, trust, opener, seen) {
  let number = 1
  try {
    const receipt = accepted(item.acceptance, trust)
    const digest = sha256(item.statement)
    must(receipt.accepted && receipt.index !== null, 'not-accepted') // check: accepted
    must(receipt.digest.equals(digest), 'not-accepted') // check: acceptance-digest
    number = 2
    const statement = readStatement(item.statement)
    const { claims } = statement
    must(claims.get(CLAIM.net).equals(trust.network.id), 'network') // check: envelope-network
    number = 3
    const keys = senderKey(statement, trust, receipt)
    number = 4
    check(statement, keys)
    number = 5
    const own = rowOf(trust.directory, address)
    const ours = claims.get(CLAIM.aud).filter((one) => own !== undefined && rowOf(trust.directory, one) === own)
    must(ours.length > 0, 'not-addressed') // check: addressed
    number = 6
    checkOperation(claims, ours, trust, receipt) // check: operation
    number = 7
    const before = seen(claims.get(CLAIM.iss), claims.get(CLAIM.cti))
    must(before === undefined || before === hex(digest), 'id-reused') // check: id-reused
    number = 8
    must(item.sealed !== null, 'sealed-hash')
    const content = await openSealed(statement, item.sealed, opener)
    number = 10
    return { statement, claims, digest, receipt, content: readContent(claims.get(CLAIM.kind), content) }
  } catch (error) {
    if (error instanceof Refused) error.check = number
    throw error
  }
}
