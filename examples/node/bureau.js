// A bureau on the HTTP link (protocol section 6): asks, takes what comes, answers and acknowledges, and believes nothing
// that it has not verified. What must survive stands in one file, `state.json`, in a folder of its own.

import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { Refused, decode, encode, must, sequence } from './cbor.js'
import { hex, privateKey } from './cose.js'
import { CLAIM, acknowledge, newId, openerOf, seal } from './envelope.js'
import { EMPTY, checkConsistency, readCheckpoint, readProof } from './ledger.js'
import { FIRST_ANSWERED, accepted, readItem, verify } from './recipient.js'
import { acceptanceKeys, covers, readAttestation, readCurrent, readDirectory, readNetwork, readOperation, rowOf, serviceKeys } from './trust.js'

const [DAY, ANSWER_MS, PAUSE_MS, LOOKS, MOST] = [24 * 3600, 10_000, 500, 4, 64 * 1024 * 1024]
const seconds = () => Math.floor(Date.now() / 1000)
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

class Http {
  constructor({ gateway, certificate, key, ca }) {
    this.gateway = gateway
    this.agent = new Agent({ cert: certificate, key, ca, minVersion: 'TLSv1.3', keepAlive: true })
  }

  // {status, type, wait (seconds of Retry-After, or null), body}. Without an answer in time: `unreachable`.
  send(method, path, body, type = 'application/cbor', wait = 0) {
    return new Promise((resolve, reject) => {
      const headers = body ? { 'Content-Type': type, 'Content-Length': body.length } : {}
      const lost = () => reject(new Refused('unreachable'))
      const options = { method, agent: this.agent, headers }
      const sent = request(new URL(path, this.gateway), options, (answer) => {
        const parts = []
        let size = 0
        answer.on('data', (part) => {
          size += part.length
          if (size > MOST) sent.destroy()
          parts.push(part)
        })
        answer.on('error', lost)
        answer.on('end', () => {
          const after = /^\d{1,4}$/u.exec(answer.headers['retry-after'] ?? '')
          const [kind] = (answer.headers['content-type'] ?? '').split(';')
          resolve({ status: answer.statusCode, type: kind, wait: after && Number(after[0]), body: Buffer.concat(parts) })
        })
      })
      sent.setTimeout(ANSWER_MS + wait * 1000, () => sent.destroy())
      sent.on('error', lost)
      sent.end(body)
    })
  }

  async get(path) {
    const { status, body } = await this.send('GET', path)
    if (status === 200) return body
    throw new Refused(status === 404 ? 'not-found' : 'unreachable')
  }
}

export class Bureau {
  static async start(given) {
    const bureau = new Bureau()
    Object.assign(bureau, {
      address: given.address,
      network: readNetwork(given.network),
      signer: privateKey(given.signing),
      opener: await openerOf(given.sealing),
      reply: given.reply,
      http: new Http(given),
      folder: given.folder,
      operations: new Map(),
      attested: [],
      confirmed: 0,
      directory: null,
    })
    bureau.load()
    try {
      await bureau.refresh()
    } catch (error) {
      bureau.stop()
      throw error
    }
    return bureau
  }

  stop() {
    this.http.agent.destroy()
  }

  get trust() {
    return { network: this.network, directory: this.directory, operations: this.operations }
  }

  // ---- what survives: ids, digests that were handled, the tree head, an alarm

  load() {
    this.state = { after: -1, ids: {}, handled: {}, attested: {}, head: [0, hex(EMPTY)], alarm: null }
    mkdirSync(this.folder, { recursive: true, mode: 0o700 })
    try {
      this.state = JSON.parse(readFileSync(join(this.folder, 'state.json'), 'utf8'))
    } catch (error) {
      if (error.code !== 'ENOENT') throw error
    }
    this.state.after = -1 // nobody signs an item's place: what waits is read from the start (section 6)
  }

  save() {
    const path = join(this.folder, 'state.json')
    const file = openSync(`${path}.new`, 'w', 0o600)
    writeSync(file, JSON.stringify(this.state))
    fsyncSync(file)
    closeSync(file)
    renameSync(`${path}.new`, path)
  }

  alarm(reason) {
    this.state.alarm = reason
    this.save()
    throw new Refused(reason)
  }

  // ---- trust: directory, its place in the ledger, the tree's head, operations

  async refresh() {
    if (this.directory === null) await this.adopt(readDirectory(await this.http.get('/v1/directory'), this.network))
    for (let looks = 0; ; looks++) {
      try {
        const current = readCurrent(await this.http.get('/v1/directory/current'), this.network, this.directory, seconds())
        this.confirmed = current.time
        break
      } catch (error) {
        if (error.reason !== 'not-current') throw error
        const next = await this.http.get(`/v1/directory/${this.directory.version + 1}`).catch(() => null)
        if (next !== null) await this.adopt(readDirectory(next, this.network, this.directory))
        else if (looks < LOOKS) await pause(PAUSE_MS) // a new version is there a moment before it is said to be current
        else throw error
      }
    }
    await this.takeHead((await this.http.get('/v1/checkpoint')).toString('utf8'))
    await this.refreshOperations()
  }

  // A version counts once its entry is proven to be in the ledger.
  async adopt(directory) {
    const [entry, proof] = decode(await this.patiently(`/v1/directory/${directory.version}/proof`, 10))
    const said = decode(entry)
    must(said.get(1) === 'DirectoryUpdated' && said.get(3)?.equals(directory.hash), 'inclusion') // check: directory-entry
    const { head } = readProof(proof, entry, this.network.log)
    await this.extend(head)
    this.directory = directory
  }

  async takeHead(note) {
    await this.extend(readCheckpoint(note, this.network.log))
  }

  // Another head of ours, where it extends the one before; one that contradicts it is an alarm.
  async extend(head) {
    const [size, root] = [this.state.head[0], Buffer.from(this.state.head[1], 'hex')]
    if (head.size < size) return
    const trivial = size === 0 || size === head.size
    const path = trivial ? [] : decode(await this.http.get(`/v1/consistency/${size}/${head.size}`))
    try {
      checkConsistency(size, root, head.size, head.root, path)
    } catch (error) {
      this.alarm(error.reason)
    }
    this.state.head = [head.size, hex(head.root)]
    this.save()
  }

  async refreshOperations() {
    for (const { id, version } of JSON.parse(await this.http.get('/v1/operations'))) {
      const known = this.operations.get(id)
      for (let next = known ? known.version + 1 : version; next <= version; next += 1) {
        const raw = await this.http.get(`/v1/operations/${id}?version=${next}`)
        this.operations.set(id, this.readOperation(raw, this.operations.get(id) ?? null))
      }
    }
  }

  readOperation(raw, previous) {
    const keys = [...this.directory.participants.values()].flatMap((row) => row.signing)
    const read = readOperation(raw, this.network.id, new Map(keys.map((one) => [one.id, one.raw])), previous)
    const owner = rowOf(this.directory, read.owner)
    must(owner?.signing.some((one) => one.id === hex(read.statement.kid)), 'key-unknown')
    return read
  }

  async patiently(path, within) {
    for (const end = Date.now() + within * 1000; ; await pause(PAUSE_MS)) {
      try {
        return await this.http.get(path)
      } catch (error) {
        if (error.reason !== 'not-found' || Date.now() > end) throw error
      }
    }
  }

  // ---- sending

  // Seals, submits until there is a receipt that verifies, and gives what it says.
  async send({ to, operation, purpose, kind, content, within, claims = [] }) {
    must(this.state.alarm === null, this.state.alarm) // check: alarm
    must(seconds() - this.confirmed <= DAY, 'not-current')
    const rows = to.map((address) => rowOf(this.directory, address))
    must(rows.every((row) => row?.active), 'recipient-unknown')
    must(this.operations.has(operation), 'operation-unknown')
    const now = seconds()
    const said = new Map([
      [CLAIM.iss, this.address], [CLAIM.sub, operation], [CLAIM.aud, to], [CLAIM.iat, now], [CLAIM.exp, now + DAY],
      [CLAIM.cti, newId(Date.now())], [CLAIM.net, this.network.id],
      [CLAIM.head, [this.state.head[0], Buffer.from(this.state.head[1], 'hex')]], [CLAIM.kind, kind],
      [CLAIM.urgency, 'routine'], [CLAIM.purpose, purpose], [CLAIM.handling, 'H0'], [CLAIM.exercise, this.network.exercise],
      ...claims,
    ])
    const keys = rows.map((row) => row.sealing.find((one) => covers(one, now) && one.voidFrom === null)?.raw)
    must(keys.every(Boolean), 'wrap-key')
    const envelope = await seal(said, Buffer.from(JSON.stringify(content)), this.signer, keys)
    return this.submit(envelope, Date.now() + within * 1000)
  }

  async submit(envelope, end) {
    const body = encode([envelope.statement, envelope.sealed])
    for (;;) {
      const answer = await this.http.send('POST', '/v1/messages', body).catch(() => null)
      if (answer !== null && answer.type === 'application/cbor' && answer.status !== 429) return this.believed(answer.body, envelope)
      await pause(1000 * Math.max(answer?.wait ?? 0, 0.2)) // check: retry-after
      must(Date.now() < end, 'unreachable')
    }
  }

  believed(body, envelope) {
    const receipt = accepted(body, this.trust)
    must(receipt.digest.equals(envelope.digest), 'not-accepted') // check: receipt-digest
    return { ...receipt, digest: envelope.digest }
  }

  ask(given) {
    return this.send({ ...given, within: given.seconds })
  }

  // Where in the ledger our message is: proven by its entry, under a checkpoint that extends ours.
  async prove(digest, within) {
    const receipt = accepted(await this.http.get(`/v1/acceptances/${hex(digest)}`), this.trust)
    must(receipt.accepted && receipt.digest.equals(digest), 'not-accepted')
    const proof = await this.patiently(`/v1/proofs/${receipt.index}`, within)
    const entry = await this.http.get(`/v1/entries/${receipt.index}`)
    const { index, head } = readProof(proof.toString('utf8'), entry, this.network.log)
    must(index === receipt.index && decode(entry).get(3)?.equals(digest), 'inclusion') // check: proof
    await this.extend(head)
    return index
  }

  // ---- receiving

  // What came and passed every check, each once; waits until there is something, or so many seconds.
  async take(within) {
    const fresh = []
    for (const end = Date.now() + within * 1000; ; ) {
      const wait = Math.max(0, Math.min(5, Math.ceil((end - Date.now()) / 1000)))
      const { status, body } = await this.http.send('GET', `/v1/inbox?after=${this.state.after}&wait=${wait}`, null, '', wait)
      if (status === 200) for (const raw of sequence(body)) await this.takeItem(readItem(raw), fresh)
      if (fresh.length || this.attested.length || Date.now() >= end) return fresh
      if (status !== 200) await pause(PAUSE_MS)
    }
  }

  async takeItem(item, fresh) {
    if (item.type === 'receipt' && item.acceptance.length === 0) this.takeAttestation(item)
    if (item.type !== 'envelope') return
    let taken
    try {
      taken = await this.verified(item)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      if (error.check >= FIRST_ANSWERED) await this.acknowledge(accepted(item.acceptance, this.trust).digest, error.reason)
      return
    }
    const { claims, digest, content } = taken
    this.state.after = Math.max(this.state.after, item.index)
    const again = this.state.handled[hex(digest)] === true
    const reason = again ? null : await this.handled(taken, fresh, content)
    this.state.handled[hex(digest)] = true // check: duplicate
    this.state.ids[`${claims.get(CLAIM.iss)} ${hex(claims.get(CLAIM.cti))}`] = hex(digest)
    this.save() // check: durable
    await this.acknowledge(digest, reason)
  }

  // A key or an operation that is not known may be new: then once more, by what is current.
  async verified(item) {
    const seen = (iss, cti) => this.state.ids[`${iss} ${hex(cti)}`]
    const attempt = () => verify(item, this.address, this.trust, this.opener, seen)
    try {
      return await attempt()
    } catch (error) {
      if (!['key-unknown', 'operation-unknown'].includes(error.reason)) throw error
      await this.refresh() // check: refresh
      return attempt()
    }
  }

  // What the gateway attests of answers: by its key, at its place in the ledger, about us, each once.
  takeAttestation(item) {
    try {
      const { event, index, time, query, asked, asker } = readAttestation(item.statement, this.network.id, serviceKeys(this.directory, 'acceptance'))
      readAttestation(item.statement, this.network.id, acceptanceKeys(this.directory, Math.floor(time / 1000), index))
      const own = rowOf(this.directory, this.address)
      must(item.index === index && [asked, asker].some((one) => rowOf(this.directory, one) === own), 'not-addressed')
      this.state.after = Math.max(this.state.after, index)
      if (this.state.attested[index]) return
      this.state.attested[index] = true
      this.save()
      this.attested.push({ event, query: hex(query), asked })
    } catch (error) {
      if (!(error instanceof Refused)) throw error
    }
  }

  // Why handling it failed for good, or null. Where the gateway cannot be reached, it comes again and is tried again.
  async handled(taken, fresh, content) {
    try {
      await this.handle(taken, fresh, content)
      return null
    } catch (error) {
      if (!(error instanceof Refused) || error.reason === 'unreachable') throw error
      return 'handler-failed'
    }
  }

  async handle({ claims, digest }, fresh, content) {
    const [from, kind, re] = [claims.get(CLAIM.iss), claims.get(CLAIM.kind), claims.get(CLAIM.re)]
    fresh.push({ digest: hex(digest), from, kind, code: claims.get(CLAIM.answer) ?? null, re: re ? hex(re) : null, content })
    if (kind !== 'whereabouts.query/1' || !this.reply) return
    await this.send({
      to: [from],
      operation: claims.get(CLAIM.sub),
      purpose: claims.get(CLAIM.purpose),
      kind: this.reply.kind,
      content: this.reply.content,
      within: 10,
      claims: [[CLAIM.thread, claims.get(CLAIM.thread) ?? digest], [CLAIM.re, digest], [CLAIM.answer, this.reply.answer]],
    })
  }

  async acknowledge(digest, reason) {
    const head = [this.state.head[0], Buffer.from(this.state.head[1], 'hex')]
    const body = acknowledge(this.address, this.signer, this.network.id, digest, reason, seconds(), head)
    await this.http.send('POST', '/v1/evidence', body, 'application/cose')
  }
}
