import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readEml } from './eml.ts'
import type { FolderSpec } from './folder.ts'
import { GeneratedMessages } from './generated-messages.ts'
import { rangesOf } from './mailbox.ts'
import type { MessageContent, MessageSource } from './message-content.ts'
import { seedOf } from './random.ts'
import type { World } from './world.ts'

const MAIL_USER = 'mail@example.com'

/** Real mail from files; what arrives later is generated. */
class MailFiles implements MessageSource {
  private readonly messages: readonly MessageContent[]
  private readonly later: MessageSource

  constructor(messages: readonly MessageContent[], later: MessageSource) {
    this.messages = messages
    this.later = later
  }

  content(key: number): MessageContent {
    return this.messages[key] ?? this.later.content(key)
  }

  receivedAt(key: number): number | null {
    const message = this.messages[key]
    return message ? message.receivedAt : this.later.receivedAt(key)
  }

  isRead(key: number): boolean {
    return this.messages[key]?.isRead ?? this.later.isRead(key)
  }
}

/** Adds a mailbox whose Inbox holds every .eml file below the folder, and every message of its .mbox files. */
export async function readMailFolder(world: World, directory: string, seed: string): Promise<void> {
  const names = (await readdir(directory, { recursive: true })).filter((name) => /\.(eml|mbox)$/i.test(name)).sort()
  const messages: MessageContent[] = []
  for (const name of names) {
    const path = join(directory, name)
    const status = await stat(path)
    if (!status.isFile()) continue
    const modifiedAt = Math.floor(status.mtimeMs / 1000)
    const bytes = await readFile(path)
    const parts = /\.mbox$/i.test(name) ? splitMbox(bytes) : [bytes]
    for (const part of parts) messages.push(await readEml(part, modifiedAt))
  }
  // Keys must rise with the date; equal dates keep the order of the names.
  messages.sort((one, other) => (one.receivedAt ?? -1) - (other.receivedAt ?? -1))
  const folders: FolderSpec[] = [
    { name: 'Inbox', alias: 'inbox', count: messages.length },
    { name: 'Sent Items', alias: 'sentitems', kind: 'sent' },
    { name: 'Deleted Items', alias: 'deleteditems' },
  ]
  const later = new GeneratedMessages({
    seed: seedOf(`${seed} ${MAIL_USER}`),
    owner: { name: 'Mail', address: MAIL_USER },
    ranges: rangesOf(folders).map((range) => ({ ...range, odd: false })),
  })
  world.addMailbox(MAIL_USER, 'Mail from files', new MailFiles(messages, later), folders)
}

/** Messages of an mbox file begin with a line "From …" and quote such lines of their own with '>'. */
function splitMbox(bytes: Buffer): Buffer[] {
  return bytes
    .toString('latin1')
    .split(/^From .*\r?\n/m)
    .filter((part) => part.trim() !== '')
    .map((part) => Buffer.from(part.replace(/^>(>*From )/gm, '$1'), 'latin1'))
}
