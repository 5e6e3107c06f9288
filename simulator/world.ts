import { type AttachmentPlan, checkedPlan } from './attachment-plan.ts'
import { Directory, type User } from './directory.ts'
import type { FolderSpec } from './folder.ts'
import { germanFolders, officeFolders, plainFolders, singleFolder, unevenFolders } from './folder-layouts.ts'
import { GeneratedMessages } from './generated-messages.ts'
import { Mailbox, rangesOf } from './mailbox.ts'
import type { MessageSource } from './message-content.ts'
import { type OddName, oddMailbox } from './odd/odd-mailbox.ts'
import { guidOf, seedOf } from './random.ts'
import { REFUSALS } from './refusals.ts'

/** A mailbox beside the seeded ones. A name without '@' gets the domain example.com. */
export type MailboxRequest = { name: string } & (GeneratedMailbox | OddMailbox)

interface GeneratedMailbox {
  messages: number
  bodyBytes?: number
  /** Without it, and without `folderCount`, everything lies in the Inbox. */
  folders?: readonly FolderSpec[]
  /** Spreads them over so many folders, from large to small. */
  folderCount?: number
  /** In place of the small samples that every sixth message has. */
  attachments?: AttachmentPlan
}

/** Every kind of item and everything odd that is known, each once, findable in the truth by its name. */
interface OddMailbox {
  odd: 'all' | readonly OddName[]
  /** So many ordinary ones beside them, in a folder of their own. */
  messages?: number
}

export interface MailboxSummary {
  user_upn: string
  messages: number
}

interface WorldOptions {
  seed: string
  /** The demo mailboxes and one mailbox for every refusal. */
  demo: boolean
  mailboxes: readonly MailboxRequest[]
  bodyBytes?: number
}

type UserFacts = Partial<Pick<User, 'userType' | 'accountEnabled' | 'purpose' | 'licensed' | 'refusal'>>

const DEMO: readonly { upn: string; name: string; folders: FolderSpec[]; facts?: UserFacts }[] = [
  { upn: 'adele.vance@contoso.example', name: 'Adele Vance', folders: officeFolders(1200) },
  { upn: 'alex.wilber@contoso.example', name: 'Alex Wilber', folders: officeFolders(3000) },
  { upn: 'juergen.mueller@contoso.example', name: 'Jürgen Müller', folders: germanFolders(600) },
  { upn: "siobhan.o'neill@contoso.example", name: "Siobhan O'Neill", folders: plainFolders(350) },
  {
    upn: 'info@contoso.example',
    name: 'Information desk',
    folders: officeFolders(800),
    facts: { purpose: 'shared', accountEnabled: false },
  },
  {
    upn: 'guest_fabrikam.example#EXT#@contoso.example',
    name: 'Guest of Fabrikam',
    folders: plainFolders(20),
    facts: { userType: 'Guest' },
  },
  { upn: 'empty@contoso.example', name: 'Empty Mailbox', folders: plainFolders(0) },
  { upn: 'user@example.com', name: 'User', folders: plainFolders(120) },
  { upn: 'user1@example.com', name: 'User One', folders: plainFolders(60) },
  { upn: 'user2@example.com', name: 'User Two', folders: plainFolders(80) },
]

export class World {
  readonly directory = new Directory()
  /** What can be read, as the world begins. */
  readonly mailboxes: MailboxSummary[] = []

  private readonly options: WorldOptions

  constructor(options: WorldOptions) {
    this.options = options
    if (options.demo) this.addDemo()
    for (const request of options.mailboxes) {
      const upn = request.name.includes('@') ? request.name : `${request.name}@example.com`
      if ('odd' in request) {
        const owner = { name: upn, address: upn }
        const ordinary = request.messages ?? 0
        const { folders, source } = oddMailbox(request.odd, { owner, seed: this.seedOf(upn), ordinary })
        this.addMailbox(upn, upn, source, folders)
        continue
      }
      const { messages, folders, folderCount, bodyBytes, attachments } = request
      const length = bodyBytes ?? options.bodyBytes
      const layout = folderCount === undefined ? singleFolder(messages) : unevenFolders(messages, folderCount)
      this.addGenerated(upn, upn, folders ?? layout, {
        odd: folders !== undefined,
        ...(length !== undefined && { bodyBytes: length }),
        ...(attachments && { attachments: checkedPlan(attachments) }),
      })
    }
  }

  addMailbox(upn: string, displayName: string, source: MessageSource, folders: readonly FolderSpec[]): void {
    this.addUser(upn, displayName, folders, () => source)
  }

  private addDemo(): void {
    for (const { upn, name, folders, facts } of DEMO)
      this.addGenerated(upn, name, folders, { odd: upn.endsWith('@contoso.example') }, facts)
    for (const [name, refusal] of Object.entries(REFUSALS)) {
      const isReadable = refusal.scope === 'delta' || refusal.scope === 'folder_delta'
      const folders = isReadable || refusal.status === 503 ? plainFolders(50) : []
      this.addGenerated(
        `${name}@contoso.example`,
        `Case ${name}`,
        folders,
        { odd: false },
        { refusal, licensed: isReadable },
      )
    }
    const members = DEMO.map(({ upn }) => this.idOf(upn))
    const staff = guidOf(`${this.options.seed} group staff`)
    this.directory.addGroup({ id: staff, displayName: 'Staff', members: members.slice(0, 3) })
    this.directory.addGroup({
      id: guidOf(`${this.options.seed} group all`),
      displayName: 'Everybody',
      members: [staff, ...members.slice(3, 5), guidOf('a contact')],
    })
  }

  private addGenerated(
    upn: string,
    displayName: string,
    folders: readonly FolderSpec[],
    mail: { odd: boolean; bodyBytes?: number; attachments?: AttachmentPlan },
    facts: UserFacts = {},
  ): void {
    const source = () =>
      new GeneratedMessages({
        seed: this.seedOf(upn),
        owner: { name: displayName, address: upn },
        ranges: rangesOf(folders).map((range) => ({ ...range, odd: mail.odd })),
        ...(mail.bodyBytes !== undefined && { bodyBytes: mail.bodyBytes }),
        ...(mail.attachments && { attachments: mail.attachments }),
      })
    this.addUser(upn, displayName, folders, source, facts)
  }

  private addUser(
    upn: string,
    displayName: string,
    folders: readonly FolderSpec[],
    source: () => MessageSource,
    facts: UserFacts = {},
  ): void {
    const id = this.idOf(upn)
    // Laid out when somebody first looks into it: a world may have a hundred thousand mailboxes.
    let mailbox: Mailbox | undefined
    this.directory.add({
      userType: 'Member',
      accountEnabled: true,
      purpose: 'user',
      licensed: true,
      refusal: undefined,
      ...facts,
      id,
      upn,
      displayName,
      mail: upn,
      get mailbox() {
        mailbox ??= new Mailbox(id, source(), folders)
        return mailbox
      },
    })
    if (!facts.refusal) {
      const messages = rangesOf(folders).reduce((sum, { count }) => sum + count, 0)
      this.mailboxes.push({ user_upn: upn, messages })
    }
  }

  private seedOf(upn: string): number {
    return seedOf(`${this.options.seed} ${upn}`)
  }

  private idOf(upn: string): string {
    return guidOf(`${this.options.seed} user ${upn.toLowerCase()}`)
  }
}
