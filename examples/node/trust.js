// Whom to believe (protocol sections 2.2 to 2.5): the network file that was pinned, the authority's directory, the
// gateway's word that it is current, and the owners' operations.

import { DIRECTORY, decode, must } from './cbor.js'
import { byId, check, checkNetwork, hex, isBytes, isText, isWhole, parse, sealingKey, sha256, signingKey, threshold } from './cose.js'
import { isAddress, isKind, isOperation } from './envelope.js'
import { EMPTY, readCheckpoint } from './ledger.js'

const DAY = 24 * 3600
const list = (value, reason = 'structure') => {
  must(Array.isArray(value), reason)
  return value
}
const isName = (text) => isText(text) && text.length > 0 && [...text].length <= 200 && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}/u.test(text)
const isTime = (value) => isWhole(value)

function noteKeys(rows) {
  const pairs = list(rows).map((row) => {
    const [name, key] = list(row)
    must(isText(name) && isBytes(key), 'structure')
    must(key.length === 1312, 'key-form')
    return [name, key]
  })
  must(new Set(pairs.map(([name]) => name)).size === pairs.length, 'structure')
  return new Map(pairs)
}

function holders(keys, needed) {
  must(Array.isArray(keys) && isWhole(needed), 'structure')
  const found = byId(keys)
  must(found.size === keys.length && needed >= 1 && needed <= found.size, 'threshold')
  return { keys: found, needed }
}

// ---- the network file

export function readNetwork(file) {
  const [magic, genesis, checkpoint, ...more] = list(decode(file, DIRECTORY))
  must(magic === 'bureaunet-network/1' && isBytes(genesis) && isText(checkpoint) && more.length === 0, 'structure')
  const parts = list(decode(genesis, DIRECTORY))
  must(isBytes(parts[0]), 'structure')
  const claimed = list(decode(parse(parts[0], 'genesis', DIRECTORY).payload, DIRECTORY))
  const [name, exercise, created, keys, needed, origin, log, rows, quorum] = claimed
  must(claimed.length === 9 && isName(name) && typeof exercise === 'boolean' && isTime(created), 'structure')
  must(isText(origin) && isBytes(log) && isWhole(quorum), 'structure')
  must(log.length === 1312, 'key-form')
  const [authority, witnesses] = [holders(keys, needed), noteKeys(rows)]
  must(witnesses.size ? witnesses.size < 2 * quorum && quorum <= witnesses.size : quorum === 0, 'threshold')
  threshold(genesis, 'genesis', authority, null)
  const head = readCheckpoint(checkpoint, { origin, log }, witnesses)
  must(head.size === 0 && head.root.equals(EMPTY), 'checkpoint')
  return { id: sha256(genesis), name, exercise, authority, log: { origin, log } }
}

// ---- the directory

const STATES = ['active', 'suspended', 'withdrawn']
const ROWS = ['national-bureau', 'secretariat', 'regional-bureau', 'organisation', 'unit']

function validity(value) {
  const [since, until, voidFrom, ...more] = list(value)
  must(isTime(since) && isTime(until) && (voidFrom === null || isWhole(voidFrom)) && more.length === 0, 'structure')
  return { since, until, voidFrom }
}

function key(raw, id, when) {
  return { raw, id: hex(id), ...validity(when) }
}

function participant(row) {
  const [address, kind, name, link, state, signing, sealing, units, ...more] = list(row)
  must(isText(address) && ROWS.includes(kind) && isName(name) && ['http', 'amqp'].includes(link) && more.length === 0, 'structure')
  must(STATES.includes(state), 'structure')
  must(isAddress(address) && list(units).every((unit) => isText(unit) && isAddress(`${address}/${unit}`)), 'address')
  return {
    address,
    active: state === 'active',
    units,
    signing: list(signing).map((one) => key(list(one)[0], signingKey(one[0]), one[1])),
    sealing: list(sealing).map((one) => key(list(one)[1], sealingKey(one[1], one[0]), one[2])),
  }
}

function witnessPolicy(value, addresses) {
  const [rows, quorum, dishonest, ...more] = list(value)
  must(isWhole(quorum) && isWhole(dishonest) && more.length === 0, 'structure')
  const names = [...noteKeys(rows)].map(([name]) => name)
  must(names.every((name, place) => place === 0 || names[place - 1] < name), 'structure')
  must(names.every((name) => addresses.has(name)), 'structure')
  const holds = 2 * quorum > names.length + dishonest && dishonest < names.length && quorum <= names.length
  must(holds || (names.length === 0 && quorum === 0 && dishonest === 0), 'threshold')
}

const voids = ({ services, participants }) =>
  new Map(
    [...services, ...[...participants.values()].flatMap((row) => [...row.signing, ...row.sealing])]
      .filter((one) => one.voidFrom !== null)
      .map((one) => [one.id, one.voidFrom]),
  )

function checkFollows(read, previous) {
  const first = (read.version === 1) === (read.previous === null)
  const next = previous && read.version === previous.version + 1 && read.previous?.equals(previous.hash)
  must(previous ? next : first, 'version-order') // check: version-order
  const after = voids(read)
  for (const [id, from] of previous ? voids(previous) : []) must(after.has(id) && after.get(id) <= from, 'key-void')
}

export function readDirectory(statement, network, previous = null) {
  const office = previous?.authority ?? network.authority
  const payload = threshold(statement, 'directory', office, network.id)
  const [version, before, time, services, rows, ...more] = list(decode(payload, DIRECTORY))
  must(isWhole(version) && (before === null || isBytes(before)) && isTime(time) && more.length <= 2, 'structure')
  must(!(more.length === 1 && more[0] === null), 'structure')
  const participants = new Map(list(rows).map(participant).map((row) => [row.address, row]))
  const signing = [...participants.values()].flatMap((row) => row.signing.map((one) => one.id))
  must(new Set(signing).size === signing.length, 'structure')
  const authority = more[0] ? holders(...list(more[0])) : office
  if (more.length > 1) witnessPolicy(more[1], participants)
  const read = {
    version,
    previous: before,
    hash: sha256(statement),
    authority,
    participants,
    services: list(services).map(([use, raw, when]) => {
      must(use === 'acceptance' || use === 'current', 'structure')
      return { use, ...key(raw, signingKey(raw), when) }
    }),
  }
  checkFollows(read, previous)
  return read
}

// The row that serves an address: its own, or that of the bureau which lists it as a unit.
export function rowOf(directory, address) {
  const [bureau, unit] = address.split('/')
  const row = directory.participants.get(address)
  if (row || unit === undefined) return row
  const served = directory.participants.get(bureau)
  return served?.units.includes(unit) ? served : undefined
}

export const covers = (one, seconds) => one.since <= seconds && seconds < one.until
export const voidAt = (one, index) => one.voidFrom !== null && index >= one.voidFrom
const raws = (keys) => new Map(keys.map((one) => [one.id, one.raw]))
export const serviceKeys = (directory, use) => raws(directory.services.filter((one) => one.use === use))

// The gateway's acceptance keys that count at a time and a place in the ledger.
export function acceptanceKeys(directory, seconds, index) {
  return raws(directory.services.filter((one) => one.use === 'acceptance' && covers(one, seconds) && !voidAt(one, index)))
}

// ---- which version is current

export function readCurrent(data, network, directory, now) {
  const statement = parse(data, 'directory-current')
  checkNetwork(statement, network.id)
  check(statement, serviceKeys(directory, 'current'))
  const [version, hash, time, head] = list(decode(statement.payload))
  must(isWhole(version) && isBytes(hash, 32) && isTime(time) && Array.isArray(head), 'structure')
  must(version === directory.version && hash.equals(directory.hash), 'not-current') // check: current-version
  must(now - time <= DAY, 'not-current') // check: current-time
  return { time, head: { size: head[0], root: head[1] } }
}

// ---- attestations: what the gateway says of an answer that is owed

const ATTESTED = ['AnswerReminder', 'AnswerOverdue', 'Escalated', 'ContentHandoverFailure']

export function readAttestation(data, net, keys) {
  const statement = parse(data, 'attestation')
  checkNetwork(statement, net)
  check(statement, keys) // check: attestation
  const [event, index, time, query, asked, asker, operation, due, request, ...more] = [decode(statement.payload)].flat()
  must(ATTESTED.includes(event) && isBytes(query, 32) && more.length === 0, 'structure')
  must([index, time, due, request].every((one) => isWhole(one) && one >= 0), 'structure')
  must(isText(operation) && [asked, asker].every((one) => isText(one) && isAddress(one)), 'structure')
  return { event, index, time, query, asked, asker }
}

// ---- operations

const PHASES = ['planned', 'training', 'active', 'public-appeal', 'follow-up', 'evaluated', 'closed']
const ROLES = ['owner', 'participant', 'observer', 'auditor']
export const PURPOSES = ['arrest', 'extradition', 'location', 'identification', 'border-check', 'information', 'administration']
export const HANDLING = ['H0', 'H1', 'H2', 'H3']
export const URGENCY = ['routine', 'urgent']

function checkTimes(times) {
  must(times.length <= 64, 'structure')
  const seen = new Set()
  for (const value of times) {
    const [family, urgency, usual, longest, reminders, requests, ...more] = list(value)
    must(isText(family) && isKind(family) && !family.includes('/') && URGENCY.includes(urgency) && more.length === 0, 'structure')
    must(!seen.has(`${family} ${urgency}`), 'structure')
    seen.add(`${family} ${urgency}`)
    must(isWhole(usual) && isWhole(longest) && usual > 0 && usual <= longest && longest <= 366 * DAY, 'structure')
    must(isWhole(requests) && requests > 0 && requests <= 10 && list(reminders).length <= 8, 'structure')
    must(reminders.every((one, place) => isWhole(one) && one > (reminders[place - 1] ?? 0) && one < 100), 'structure')
  }
}

function checkProgress(value) {
  const [time, objectives, results, ...more] = list(value)
  must(isTime(time) && more.length === 0 && list(objectives).length === 6, 'structure')
  const counts = [time, ...objectives, ...list(results)]
  must(counts.every((count) => isWhole(count) && count >= 0), 'structure')
  must(objectives[3] <= objectives[2] && objectives[5] <= objectives[4], 'structure')
}

function checkMore(rest) {
  const [review, times, progress, ...more] = rest
  if (rest.length === 0) return
  must(more.length === 0 && (isTime(review) || (review === null && rest.length > 1)), 'structure')
  if (rest.length > 1) must(list(times).length > 0 || rest.length === 3, 'structure')
  if (rest.length > 1) checkTimes(times)
  if (rest.length > 2) checkProgress(progress)
}

export function claimedOperation(data) {
  const statement = parse(data, 'operation', DIRECTORY)
  const [id, version, before, time, name, owner, phase, members, kinds, purposes, handling, days, ...rest] = list(decode(statement.payload, DIRECTORY))
  must(isText(id) && isWhole(version) && (before === null || isBytes(before)) && isTime(time) && isWhole(days), 'structure')
  must(isName(name) && isText(owner) && PHASES.includes(phase), 'structure')
  must(isOperation(id), 'operation-unknown')
  must(isAddress(owner), 'address')
  must(list(kinds).every(isKind), 'structure')
  must(list(purposes).every((one) => PURPOSES.includes(one)) && list(handling).every((one) => HANDLING.includes(one)), 'structure')
  checkMore(rest)
  const named = list(members).map((member) => {
    const [address, role, since, until] = list(member)
    must(isText(address) && isAddress(address) && ROLES.includes(role) && isTime(since), 'structure')
    must(until === null || isTime(until), 'structure')
    return { address, role, since, until: until ?? Infinity }
  })
  return { statement, id, version, previous: before, owner, phase, members: named, kinds, purposes, handling, hash: sha256(data) }
}

export function readOperation(data, net, keys, previous = null) {
  const read = claimedOperation(data)
  checkNetwork(read.statement, net)
  check(read.statement, keys)
  if (previous === null) must(read.version !== 1 || read.previous === null, 'version-order')
  else {
    const next = read.id === previous.id && read.owner === previous.owner && read.version === previous.version + 1
    must(next && read.previous?.equals(previous.hash), 'version-order')
  }
  return read
}

// The membership that covers an address then; a bureau's covers its units.
export function memberOf(operation, address, seconds) {
  const covered = (one) => one.address === address || one.address === address.split('/')[0]
  return operation.members.find((one) => covered(one) && covers(one, seconds))
}
