// The ledger (protocol sections 5.2 and 5.4): Merkle proofs, checkpoints signed with ML-DSA-44, receipts, tlog-proofs.

import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js'
import { decode, must } from './cbor.js'
import { check, checkNetwork, isBytes, isText, isWhole, parse, sha256 } from './cose.js'

const node = (left, right) => sha256(Buffer.from([1]), left, right)
export const leafOf = (entry) => sha256(Buffer.from([0]), entry)
export const EMPTY = sha256()
const isPath = (path) => Array.isArray(path) && path.every((one) => isBytes(one, 32))
const odd = (number) => number % 2 === 1
const half = (number) => Math.floor(number / 2)

// The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2).
function rootOf(leaf, index, size, path) {
  must(isPath(path) && isWhole(index) && index >= 0 && index < size, 'inclusion')
  let [found, place, last] = [leaf, index, size - 1]
  for (const sibling of path) {
    must(last > 0, 'inclusion')
    if (odd(place) || place === last) {
      found = node(sibling, found)
      while (!odd(place) && place > 0) [place, last] = [half(place), half(last)]
    } else {
      found = node(found, sibling)
    }
    ;[place, last] = [half(place), half(last)]
  }
  must(last === 0, 'inclusion')
  return found
}

export function checkInclusion(leaf, index, size, path, root) {
  const found = rootOf(leaf, index, size, path)
  must(found.equals(root), 'inclusion') // check: inclusion
}

// RFC 9162 section 2.1.4.2.
export function checkConsistency(old, oldRoot, size, root, path) {
  must(isPath(path) && old >= 0 && old <= size, 'consistency')
  if (old === 0 || old === size) {
    must(path.length === 0 && oldRoot.equals(old === 0 ? EMPTY : root), 'consistency')
    return
  }
  const power = Number.isInteger(Math.log2(old))
  const [start, ...rest] = power ? [oldRoot, ...path] : path
  must(start !== undefined, 'consistency')
  let [place, last] = [old - 1, size - 1]
  while (odd(place)) [place, last] = [half(place), half(last)]
  let [first, second] = [start, start]
  for (const sibling of rest) {
    must(last > 0, 'consistency')
    if (odd(place) || place === last) {
      ;[first, second] = [node(sibling, first), node(sibling, second)]
      while (!odd(place) && place > 0) [place, last] = [half(place), half(last)]
    } else {
      second = node(second, sibling)
    }
    ;[place, last] = [half(place), half(last)]
  }
  must(last === 0 && first.equals(oldRoot) && second.equals(root), 'consistency') // check: consistency
}

// ---- checkpoints: C2SP signed notes, ML-DSA-44 lines alone

const u64 = (number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(number))
  return bytes
}
const named = (text) => Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)])

export function base64(text, reason) {
  const bytes = Buffer.from(text, 'base64')
  must(bytes.toString('base64') === text, reason)
  return bytes
}

function checkLine(line, head, keys) {
  const [, name, encoded] = /^\u2014 (\S+) (\S+)$/u.exec(line) ?? []
  must(name !== undefined && keys.has(name), 'checkpoint')
  const [blob, key] = [base64(encoded, 'checkpoint'), keys.get(name)]
  const id = sha256(Buffer.from(`${name}\n\x06`), key).subarray(0, 4)
  must(blob.length === 4 + 8 + 2420 && blob.subarray(0, 4).equals(id), 'checkpoint')
  const label = Buffer.from('subtree/v1\n\0')
  const message = Buffer.concat([label, named(name), blob.subarray(4, 12), named(head.origin), u64(0), u64(head.size), head.root])
  must(ml_dsa44.verify(blob.subarray(12), message, key), 'checkpoint') // check: checkpoint
  return name
}

// A checkpoint that the log signed; `witnesses`, keys by name, makes every other line be one of theirs, each once.
export function readCheckpoint(text, { origin, log }, witnesses = null) {
  const [, claimed, size, root, tail] = /^([!-*,-~]{1,255})\n(0|[1-9]\d{0,18})\n(\S+)\n\n([^]*)\n$/u.exec(text) ?? []
  must(claimed !== undefined, 'checkpoint')
  const head = { origin: claimed, size: Number(size), root: base64(root, 'checkpoint') }
  must(claimed === origin && head.root.length === 32, 'checkpoint')
  const [first, ...others] = tail.split('\n')
  checkLine(first, head, new Map([[origin, log]]))
  if (witnesses !== null) {
    const names = others.map((line) => checkLine(line, head, witnesses))
    must(new Set(names).size === names.length, 'checkpoint')
  }
  return head
}

// An entry's place, by a tlog-proof under a checkpoint that the log signed.
export function readProof(text, entry, log) {
  const split = text.indexOf('\n\n')
  const [magic, place, ...lines] = text.slice(0, Math.max(0, split)).split('\n')
  const [, index] = /^index (0|[1-9]\d{0,18})$/u.exec(place ?? '') ?? []
  must(magic === 'c2sp.org/tlog-proof@v1' && index !== undefined && lines.length <= 63, 'receipt-form')
  const path = lines.map((line) => base64(line, 'receipt-form'))
  const head = readCheckpoint(text.slice(split + 2), log)
  checkInclusion(leafOf(entry), Number(index), head.size, path, head.root)
  return { index: Number(index), head }
}

// ---- receipts: one signature over a batch, and the path of our item

export function readReceipt(receipt, net, keys) {
  const [batch, position, path, item, ...more] = [decode(receipt)].flat()
  must(isBytes(batch) && isWhole(position) && isPath(path) && isBytes(item) && more.length === 0, 'receipt-form')
  const statement = parse(batch, 'acceptance')
  checkNetwork(statement, net)
  check(statement, keys)
  const [root, size] = [decode(statement.payload)].flat()
  must(isBytes(root, 32) && isWhole(size), 'receipt-form')
  checkInclusion(leafOf(item), position, size, path, root)
  const [digest, event, index, time, reason, ...rest] = [decode(item)].flat()
  must(isBytes(digest) && ['SubmissionAcceptance', 'SubmissionRejection'].includes(event) && rest.length === 0, 'receipt-form')
  must((index === null || isWhole(index)) && isWhole(time) && (reason === null || isText(reason)), 'receipt-form')
  return { digest, accepted: event === 'SubmissionAcceptance', index, time, reason }
}
