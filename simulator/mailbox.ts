import {
  type Change,
  type ChangeKind,
  Folder,
  type FolderDeltaShows,
  type FolderSpec,
  type TokenDeath,
} from './folder.ts'
import { type FolderKind, WORLD_END } from './generated-messages.ts'
import { MailboxIds } from './ids.ts'
import type { Attachment, MessageContent, MessageSource } from './message-content.ts'
import { MergedSequence } from './message-sequence.ts'

/** What has happened to a message since it was generated. Only touched messages have one. */
interface MessageState {
  folder: Folder | undefined
  moves: number
  version: number
  isRead?: boolean
  subject?: string
  removedAttachments?: ReadonlySet<number>
  modifiedAt: number
}

/** A message as it is now. */
export interface StoredMessage {
  key: number
  folder: Folder
  moves: number
  version: number
  isRead: boolean
  modifiedAt: number | undefined
  subject: string | null
  hasAttachments: boolean
  content: MessageContent
  attachments(): NumberedAttachment[]
}

/** The number stays when attachments before it are removed. */
export interface NumberedAttachment {
  number: number
  attachment: Attachment
}

export interface FolderChange {
  sequence: number
  folder: Folder
  removed: boolean
}

export interface MailboxRange {
  firstKey: number
  count: number
  kind: FolderKind
  sameSecond: number
}

/** Lays out the folders of a mailbox: every folder takes the next run of keys. */
export function rangesOf(specs: readonly FolderSpec[]): MailboxRange[] {
  let firstKey = 0
  return flatten(specs).map(({ count = 0, kind = 'mail', sameSecond = 0 }) => {
    const range = { firstKey, count, kind, sameSecond }
    firstKey += count
    return range
  })
}

function isVisible({ attachment }: NumberedAttachment): boolean {
  return attachment.kind !== 'file' || !attachment.isInline
}

function flatten(specs: readonly FolderSpec[]): FolderSpec[] {
  return specs.flatMap((spec) => [spec, ...flatten(spec.children ?? [])])
}

export class Mailbox {
  readonly ids: MailboxIds
  readonly root: Folder
  readonly folders: Folder[] = []
  readonly folderLog: FolderChange[] = []
  private readonly states = new Map<number, MessageState>()
  private readonly baseCount: number
  private arrived = 0
  /** Counts every change; delta tokens remember how far they have seen. */
  sequence = 0
  folderDeltaShows: FolderDeltaShows = 'visible'

  readonly objectId: string
  private readonly source: MessageSource

  constructor(objectId: string, source: MessageSource, specs: readonly FolderSpec[]) {
    this.objectId = objectId
    this.source = source
    this.ids = new MailboxIds(objectId)
    this.root = this.place({ name: 'Top of Information Store', alias: 'msgfolderroot' }, undefined, 0)
    this.baseCount = this.placeAll(specs, this.root, 0)
  }

  receivedAt = (key: number): number | null => this.source.receivedAt(key)

  childrenOf(parent: Folder, includeHidden: boolean): Folder[] {
    return this.folders.filter(
      (folder) => folder.parent === parent && folder.isListed && (includeHidden || !folder.isHidden),
    )
  }

  isInFolderDelta(folder: Folder): boolean {
    if (this.folderDeltaShows === 'everything') return folder.isListed
    const isShown = folder !== this.root && folder.isListed && !folder.isHidden
    return isShown && (this.folderDeltaShows === 'visible' || folder.parent === this.root)
  }

  /** By id or by well-known name. */
  findFolder(idOrAlias: string): Folder | undefined {
    const number = this.ids.findFolder(idOrAlias)
    const alias = idOrAlias.toLowerCase()
    const folder = number === undefined ? this.folders.find(({ spec }) => spec.alias === alias) : this.folders[number]
    return folder?.isDeleted ? undefined : folder
  }

  /** A deleted folder may still be known by its id. */
  wasFolder(id: string): boolean {
    const number = this.ids.findFolder(id)
    return number !== undefined && this.folders[number]?.isDeleted === true
  }

  messagesOf(folder: Folder): MergedSequence | Folder['messages'] {
    if (folder.spec.searchOf === undefined) return folder.messages
    return this.findFolder(folder.spec.searchOf)?.messages ?? folder.messages
  }

  /** The whole mailbox as /users/{id}/messages lists it: without what is reached by name only. */
  allMessages(): MergedSequence {
    const folders = this.folders.filter((folder) => !folder.isDeleted && !folder.spec.byNameOnly)
    return new MergedSequence(
      folders.map((folder) => folder.messages),
      this.receivedAt,
    )
  }

  message(key: number): StoredMessage | undefined {
    const state = this.states.get(key)
    const folder = state ? state.folder : this.homeOf(key)
    if (!folder || folder.isDeleted) return undefined
    const content = this.source.content(key)
    const removed = state?.removedAttachments
    const attachments = () =>
      content
        .attachments()
        .map((attachment, number) => ({ number, attachment }))
        .filter(({ number }) => !removed?.has(number))
    return {
      key,
      folder,
      content,
      moves: state?.moves ?? 0,
      version: state?.version ?? 0,
      isRead: state?.isRead ?? content.isRead,
      modifiedAt: state?.modifiedAt,
      subject: state?.subject ?? content.subject,
      hasAttachments: removed ? attachments().some(isVisible) : content.hasAttachments,
      attachments,
    }
  }

  /** By a mutable or an immutable id. A mutable one dies when the message moves. */
  findMessage(id: string): StoredMessage | undefined {
    const address = this.ids.findMessage(id)
    const message = address && this.message(address.key)
    return message && (address.immutable || address.moves === message.moves) ? message : undefined
  }

  unreadOf(folder: Folder): number {
    this.unreadOfBase[folder.number] ??= this.countUnread(folder)
    return (this.unreadOfBase[folder.number] ?? 0) + folder.unreadChange
  }

  arrive(folder: Folder, count: number): number[] {
    return Array.from({ length: count }, () => {
      const key = this.baseCount + this.arrived++
      this.put(key, folder, { moves: 0, version: 0 })
      return key
    })
  }

  /** Undefined as target removes the message for good. */
  move(message: StoredMessage, target: Folder | undefined): void {
    const { key, folder } = message
    if (folder === target) return
    folder.messages.remove(key)
    if (!message.isRead) folder.unreadChange--
    this.record(folder, key, 'removed', message.moves)
    if (target) this.put(key, target, { moves: message.moves + 1, version: message.version + 1 })
    else this.states.set(key, { ...this.stateOf(message), folder: undefined })
  }

  markRead(message: StoredMessage, isRead: boolean): void {
    if (message.isRead === isRead) return
    message.folder.unreadChange += isRead ? -1 : 1
    this.change(message, 'read', { isRead })
  }

  edit(message: StoredMessage, subject: string): void {
    this.change(message, 'updated', { subject })
  }

  removeAttachment(message: StoredMessage, number: number): void {
    const removedAttachments = new Set([...(this.states.get(message.key)?.removedAttachments ?? []), number])
    this.change(message, 'updated', { removedAttachments })
  }

  createFolder(name: string, parent: Folder, hidden = false): Folder {
    const folder = this.place({ name, hidden }, parent, 0)
    this.recordFolder(folder)
    return folder
  }

  renameFolder(folder: Folder, name: string): void {
    folder.name = name
    this.recordFolder(folder)
  }

  moveFolder(folder: Folder, parent: Folder): void {
    folder.parent = parent
    this.recordFolder(folder)
  }

  /** With everything in it. */
  deleteFolder(folder: Folder): void {
    for (const child of this.folders.filter(({ parent, isDeleted }) => parent === folder && !isDeleted))
      this.deleteFolder(child)
    folder.isDeleted = true
    this.recordFolder(folder, true)
  }

  expireTokens(folder: Folder, death: TokenDeath): void {
    folder.generation++
    folder.tokenDeath = death
  }

  private readonly unreadOfBase: number[] = []

  private countUnread(folder: Folder): number {
    let unread = 0
    const end = folder.firstKey + (folder.spec.count ?? 0)
    for (let key = folder.firstKey; key < end; key++) if (!this.source.isRead(key)) unread++
    return unread
  }

  private homeOf(key: number): Folder | undefined {
    if (key >= this.baseCount) return undefined
    return this.folders.find((folder) => key >= folder.firstKey && key < folder.firstKey + (folder.spec.count ?? 0))
  }

  private put(key: number, folder: Folder, { moves, version }: { moves: number; version: number }): void {
    const before = this.states.get(key)
    this.record(folder, key, 'added', moves)
    this.states.set(key, { ...before, folder, moves, version, modifiedAt: this.clock() })
    folder.messages.add(key)
    if (!(before?.isRead ?? this.source.isRead(key))) folder.unreadChange++
  }

  private change(message: StoredMessage, kind: ChangeKind, changed: Partial<MessageState>): void {
    this.record(message.folder, message.key, kind, message.moves)
    this.states.set(message.key, {
      ...this.stateOf(message),
      ...changed,
      version: message.version + 1,
      modifiedAt: this.clock(),
    })
  }

  private stateOf({ key, folder, moves, version, modifiedAt }: StoredMessage): MessageState {
    return { ...this.states.get(key), folder, moves, version, modifiedAt: modifiedAt ?? this.clock() }
  }

  private record(folder: Folder, key: number, kind: ChangeKind, moves: number): void {
    const change: Change = { sequence: ++this.sequence, key, kind, moves }
    folder.log.push(change)
  }

  private recordFolder(folder: Folder, removed = false): void {
    this.folderLog.push({ sequence: ++this.sequence, folder, removed })
  }

  /** The world's own time moves with its changes, so that equal histories give equal answers. */
  private clock(): number {
    return WORLD_END + this.sequence
  }

  private place(spec: FolderSpec, parent: Folder | undefined, firstKey: number): Folder {
    const folder = new Folder(spec, { number: this.folders.length, parent, firstKey, receivedAt: this.receivedAt })
    this.folders.push(folder)
    return folder
  }

  private placeAll(specs: readonly FolderSpec[], parent: Folder, firstKey: number): number {
    return specs.reduce((next, spec) => {
      const folder = this.place(spec, parent, next)
      return this.placeAll(spec.children ?? [], folder, next + (spec.count ?? 0))
    }, firstKey)
  }
}
