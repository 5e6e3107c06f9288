import type { FolderSpec } from '../folder.ts'
import { GeneratedMessages, type GeneratorOptions, WORLD_END } from '../generated-messages.ts'
import { rangesOf } from '../mailbox.ts'
import type { MessageContent, MessageSource, Party } from '../message-content.ts'
import { ATTACHED } from './attached.ts'
import { MEETINGS } from './meetings.ts'
import { type OddFolder, type OddMaker, oddMessage } from './odd-message.ts'
import { REPORTS } from './reports.ts'
import { SECURE_MAIL } from './secure-mail.ts'
import { TEXTS } from './texts.ts'

const CATALOGUE = { ...MEETINGS, ...REPORTS, ...SECURE_MAIL, ...TEXTS, ...ATTACHED }
const HOUR = 3600

/** The name of a kind of message that few mailboxes have. */
export type OddName = keyof typeof CATALOGUE

const FOLDERS: readonly { alias: OddFolder; name: string; kind?: 'sent' | 'drafts' }[] = [
  { alias: 'inbox', name: 'Inbox' },
  { alias: 'sentitems', name: 'Sent Items', kind: 'sent' },
  { alias: 'drafts', name: 'Drafts', kind: 'drafts' },
]

/** A mailbox of the odd messages that are named, each once, or of all; beside them ordinary mail in a folder of its own. */
export function oddMailbox(
  wanted: 'all' | readonly OddName[],
  { owner, seed, ordinary }: { owner: Party; seed: number; ordinary: number },
): { folders: FolderSpec[]; source: MessageSource } {
  const names = wanted === 'all' ? (Object.keys(CATALOGUE) as OddName[]) : wanted
  const made = names.map((name, index) => makerOf(name, owner, WORLD_END - (names.length - index) * HOUR))
  const byFolder = FOLDERS.map(({ alias }) => made.filter((make) => make().folder === alias).sort(oldestFirst))
  const folders: FolderSpec[] = [
    ...FOLDERS.map((folder, index) => ({ ...folder, count: byFolder[index]?.length ?? 0 })),
    { name: 'Deleted Items', alias: 'deleteditems' },
    ...(ordinary > 0 ? [{ name: 'Ordinary', count: ordinary }] : []),
  ]
  const ranges = rangesOf(folders).map((range) => ({ ...range, odd: false }))
  return { folders, source: new OddMessages(byFolder.flat(), { seed, owner, ranges }) }
}

type Make = () => MessageContent & { folder: OddFolder }

function makerOf(name: OddName, owner: Party, at: number): Make {
  const maker: OddMaker | undefined = CATALOGUE[name]
  if (!maker)
    throw new RangeError(`There is no odd message '${name}'. There are: ${Object.keys(CATALOGUE).join(', ')}.`)
  return () => oddMessage(name, maker, { owner, at })
}

/** Keys must rise with the date; what has none comes first. */
function oldestFirst(one: Make, other: Make): number {
  return (one().receivedAt ?? -1) - (other().receivedAt ?? -1)
}

/** The first keys are odd messages; ordinary and later ones are generated. */
class OddMessages implements MessageSource {
  private readonly odd: readonly Make[]
  private readonly others: GeneratedMessages

  constructor(odd: readonly Make[], options: GeneratorOptions) {
    this.odd = odd
    this.others = new GeneratedMessages(options)
  }

  content(key: number): MessageContent {
    return this.odd[key]?.() ?? this.others.content(key)
  }

  receivedAt(key: number): number | null {
    const message = this.odd[key]?.()
    return message ? message.receivedAt : this.others.receivedAt(key)
  }

  isRead(key: number): boolean {
    return this.odd[key]?.().isRead ?? this.others.isRead(key)
  }
}
