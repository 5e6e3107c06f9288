import type { FolderKind } from './generated-messages.ts'
import { FolderSequence, type ReceivedAt } from './message-sequence.ts'

/** What a folder is made from. Counts are the messages generated into it. */
export interface FolderSpec {
  name: string
  alias?: string
  count?: number
  kind?: FolderKind
  hidden?: boolean
  /** Shows the messages of the folder with this alias, as a search folder does. */
  searchOf?: string
  /** `IPF.Imap` folders are never listed by Graph. */
  containerClass?: string
  /** Not in the tree; answers only when asked for by its alias. */
  byNameOnly?: boolean
  /** Counted in totalItemCount but listed nowhere. */
  nonMailItems?: number
  sameSecond?: number
  children?: readonly FolderSpec[]
}

export type ChangeKind = 'added' | 'updated' | 'read' | 'removed'

/** One entry of a folder's change log, from which delta rounds are answered. */
export interface Change {
  sequence: number
  key: number
  kind: ChangeKind
  /** The message's moves when it happened: a removed message is reported under the id it had here. */
  moves: number
}

/**
 * What folder delta tells of. Microsoft's pages promise no flat list, and leave open whether hidden folders are in it, and
 * the root (`everything`).
 */
export type FolderDeltaShows = 'visible' | 'everything' | 'top_level'

/** How a dead delta token is refused. */
export type TokenDeath = 'gone' | 'gone_with_location' | 'sync_state_not_found' | 'resync_required' | 'badly_formed'

export interface FolderPosition {
  number: number
  parent: Folder | undefined
  firstKey: number
  receivedAt: ReceivedAt
}

export class Folder {
  readonly number: number
  readonly spec: FolderSpec
  readonly messages: FolderSequence
  readonly firstKey: number
  name: string
  parent: Folder | undefined
  isDeleted = false
  /** Raised to make every delta token of this folder die. */
  generation = 1
  tokenDeath: TokenDeath = 'gone'
  unreadChange = 0
  readonly log: Change[] = []

  constructor(spec: FolderSpec, { number, parent, firstKey, receivedAt }: FolderPosition) {
    this.spec = spec
    this.number = number
    this.parent = parent
    this.firstKey = firstKey
    this.name = spec.name
    this.messages = new FolderSequence(firstKey, spec.count ?? 0, receivedAt)
  }

  get isListed(): boolean {
    return !this.isDeleted && !this.spec.byNameOnly && this.spec.containerClass === undefined
  }

  get isHidden(): boolean {
    return this.spec.hidden === true
  }

  get path(): string {
    return this.parent?.parent ? `${this.parent.path}/${this.name}` : this.name
  }
}
