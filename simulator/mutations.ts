import { badRequest } from './answer.ts'
import type { Directory, User } from './directory.ts'
import type { Folder, FolderDeltaShows, TokenDeath } from './folder.ts'
import type { Mailbox, StoredMessage } from './mailbox.ts'
import { Random } from './random.ts'

/** Which messages: by id (of either kind), or so many from a position of a folder, newest first. */
type MessageChoice = { messages: readonly string[] } | { folder: string; position?: number; count?: number }

/** What may happen to a mailbox while it is read. Folders are named by id, alias or path ("Inbox/Projects"). */
export type Mutation = { user: string } & (
  | { type: 'arrive'; folder?: string; count?: number }
  | ({ type: 'move'; to: string } & MessageChoice)
  /** Soft: into the recoverable items, where the mailbox has them. Hard: gone. */
  | ({ type: 'delete'; hard?: boolean } & MessageChoice)
  | ({ type: 'mark_read'; is_read?: boolean } & MessageChoice)
  | ({ type: 'edit'; subject: string } & MessageChoice)
  /** The attachment at a place of the list, the first one without it. */
  | ({ type: 'remove_attachment'; index?: number } & MessageChoice)
  | { type: 'create_folder'; name: string; parent?: string; hidden?: boolean }
  | { type: 'rename_folder'; folder: string; name: string }
  | { type: 'move_folder'; folder: string; parent: string }
  | { type: 'delete_folder'; folder: string }
  /** What folder delta tells of from now on. */
  | { type: 'folder_delta'; shows: FolderDeltaShows }
  /** Without a folder, those of all folders. */
  | { type: 'expire_tokens'; folder?: string; death?: TokenDeath }
  | { type: 'rename_user'; upn: string }
  /** The mailbox cannot be read, or can again. */
  | { type: 'refuse'; refusal: NonNullable<User['refusal']> | null }
  /** So many changes of all kinds, always the same for the same seed. */
  | { type: 'random'; seed: number; count: number }
)

export interface MutationResult {
  /** Immutable ids of the messages that were touched. */
  messages: string[]
  /** The id of the folder that was touched. */
  folder?: string
}

export function applyMutations(directory: Directory, mutations: readonly Mutation[]): MutationResult[] {
  return mutations.map((mutation) => applyMutation(directory, mutation))
}

function applyMutation(directory: Directory, mutation: Mutation): MutationResult {
  const user = directory.findUser(mutation.user)
  const mailbox = user?.mailbox
  if (!user || !mailbox) throw badRequest(`There is no mailbox '${mutation.user}'.`)
  const touched = (folder: Folder): MutationResult => ({ messages: [], folder: mailbox.ids.folder(folder.number) })
  switch (mutation.type) {
    case 'arrive': {
      const keys = mailbox.arrive(folderNamed(mailbox, mutation.folder ?? 'inbox'), mutation.count ?? 1)
      return { messages: keys.map((key) => mailbox.ids.message(key, 0, true)) }
    }
    case 'move': {
      const target = folderNamed(mailbox, mutation.to)
      return each(mailbox, mutation, (message) => mailbox.move(message, target))
    }
    case 'delete': {
      const target = mutation.hard ? undefined : mailbox.findFolder('recoverableitemsdeletions')
      return each(mailbox, mutation, (message) => mailbox.move(message, target))
    }
    case 'mark_read':
      return each(mailbox, mutation, (message) => mailbox.markRead(message, mutation.is_read ?? true))
    case 'edit':
      return each(mailbox, mutation, (message) => mailbox.edit(message, mutation.subject))
    case 'remove_attachment':
      return each(mailbox, mutation, (message) => {
        const { number } = message.attachments()[mutation.index ?? 0] ?? fail('There is no such attachment.')
        mailbox.removeAttachment(message, number)
      })
    case 'create_folder':
      return touched(
        mailbox.createFolder(
          mutation.name,
          mutation.parent === undefined ? mailbox.root : folderNamed(mailbox, mutation.parent),
          mutation.hidden,
        ),
      )
    case 'rename_folder': {
      const folder = folderNamed(mailbox, mutation.folder)
      mailbox.renameFolder(folder, mutation.name)
      return touched(folder)
    }
    case 'move_folder': {
      const folder = folderNamed(mailbox, mutation.folder)
      const parent = folderNamed(mailbox, mutation.parent)
      for (let above: Folder | undefined = parent; above; above = above.parent)
        if (above === folder) fail('A folder cannot lie in itself.')
      mailbox.moveFolder(folder, parent)
      return touched(folder)
    }
    case 'delete_folder': {
      const folder = folderNamed(mailbox, mutation.folder)
      mailbox.deleteFolder(folder)
      return touched(folder)
    }
    case 'folder_delta':
      mailbox.folderDeltaShows = mutation.shows
      return { messages: [] }
    case 'expire_tokens': {
      const folders = mutation.folder === undefined ? mailbox.folders : [folderNamed(mailbox, mutation.folder)]
      for (const folder of folders) mailbox.expireTokens(folder, mutation.death ?? 'gone')
      return { messages: [] }
    }
    case 'rename_user':
      directory.rename(user, mutation.upn)
      return { messages: [] }
    case 'refuse':
      user.refusal = mutation.refusal ?? undefined
      return { messages: [] }
    case 'random':
      return randomChanges(mailbox, mutation.seed, mutation.count)
    default:
      throw badRequest(`Unknown mutation '${(mutation as { type: string }).type}'.`)
  }
}

function each(mailbox: Mailbox, choice: MessageChoice, change: (message: StoredMessage) => void): MutationResult {
  const messages = chosen(mailbox, choice)
  for (const message of messages) change(message)
  return { messages: messages.map(({ key }) => mailbox.ids.message(key, 0, true)) }
}

function chosen(mailbox: Mailbox, choice: MessageChoice): StoredMessage[] {
  if ('messages' in choice) {
    return choice.messages.map((id) => mailbox.findMessage(id) ?? fail(`There is no message '${id}'.`))
  }
  const { position = 0, count = 1 } = choice
  const messages: StoredMessage[] = []
  for (const key of folderNamed(mailbox, choice.folder).messages.keysFrom(position)) {
    if (messages.length === count) break
    const message = mailbox.message(key)
    if (message) messages.push(message)
  }
  return messages
}

function folderNamed(mailbox: Mailbox, name: string): Folder {
  return (
    mailbox.findFolder(name) ??
    mailbox.folders.find((folder) => !folder.isDeleted && folder.path === name) ??
    fail(`There is no folder '${name}'.`)
  )
}

function fail(message: string): never {
  throw badRequest(message)
}

function randomChanges(mailbox: Mailbox, seed: number, count: number): MutationResult {
  const random = new Random(seed)
  const ids = new Set<string>()
  for (let change = 0; change < count; change++) {
    const folders = mailbox.folders.filter(
      (folder) => folder !== mailbox.root && folder.isListed && folder.spec.searchOf === undefined,
    )
    const folder = random.pick(folders)
    const roll = random.below(100)
    const [message] =
      folder.messages.length > 0
        ? chosen(mailbox, { folder: mailbox.ids.folder(folder.number), position: random.below(folder.messages.length) })
        : []
    if (message) ids.add(mailbox.ids.message(message.key, 0, true))
    if (roll < 25 || !message) for (const key of mailbox.arrive(folder, 1)) ids.add(mailbox.ids.message(key, 0, true))
    else if (roll < 45) mailbox.move(message, random.pick(folders))
    else if (roll < 60) mailbox.move(message, undefined)
    else if (roll < 80) mailbox.markRead(message, !message.isRead)
    else if (roll < 95) mailbox.edit(message, `Edited ${seed} ${change}`)
    else if (roll < 98) mailbox.renameFolder(folder, `${folder.spec.name} ${change}`)
    else mailbox.arrive(mailbox.createFolder(`New ${seed} ${change}`, mailbox.root), 2)
  }
  return { messages: [...ids] }
}
