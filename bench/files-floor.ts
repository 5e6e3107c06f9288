import { createWriteStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Agent, request } from 'undici'
import { type LoginTask, logIn } from './log-in.ts'
import { busySeconds } from './processes.ts'

// The least program that fetches attachments whose addresses it knows: four at a time, each into a file.

/** Read from the file that is named as the argument, for it is too long for one itself. */
export interface FilesFloorTask {
  login: LoginTask
  addresses: string[]
  folder: string
}

export interface FilesFloorResult {
  seconds: number
  cpuSeconds: number
  /** Of all programs in that time. */
  busySeconds: number
  bytes: number
}

/** As many as Graph answers at once for one mailbox. */
const IN_FLIGHT = 4

const task = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as FilesFloorTask
process.stdout.write(`${JSON.stringify(await fetchAll(task))}\n`)

async function fetchAll({ login, addresses, folder }: FilesFloorTask): Promise<FilesFloorResult> {
  const agent = new Agent({ connections: IN_FLIGHT })
  const startedAt = performance.now()
  const cpuBefore = process.cpuUsage()
  const busyBefore = busySeconds()
  const headers = { authorization: `Bearer ${await logIn(login, agent)}`, prefer: 'IdType="ImmutableId"' }

  const left = addresses.entries()
  let bytes = 0
  const fetchLeft = async () => {
    for (const [index, address] of left) {
      const answer = await request(address, { dispatcher: agent, headers })
      if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${await answer.body.text()}`)
      const file = createWriteStream(join(folder, String(index)))
      await pipeline(answer.body, file)
      bytes += file.bytesWritten
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, fetchLeft))

  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  const busy = busySeconds() - busyBefore
  await agent.close()
  return { seconds, cpuSeconds: (user + system) / 1e6, busySeconds: busy, bytes }
}
