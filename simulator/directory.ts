import type { Mailbox } from './mailbox.ts'

export interface Refusal {
  /** What is refused: all mail, delta of every kind or that of folders only, or the directory entry as well. */
  scope: 'mail' | 'delta' | 'folder_delta' | 'all'
  status: number
  code: string
  message: string
  headers?: Record<string, string>
}

export interface User {
  id: string
  upn: string
  displayName: string
  userType: 'Member' | 'Guest'
  accountEnabled: boolean
  purpose: 'user' | 'shared' | 'room'
  licensed: boolean
  mail: string | null
  readonly mailbox: Mailbox | undefined
  refusal: Refusal | undefined
}

export interface Group {
  id: string
  displayName: string
  /** Users and nested groups by id; other ids stand for contacts. */
  members: readonly string[]
}

/** Users and groups of the tenant. Lookups ignore case, as the real directory does for names. */
export class Directory {
  private readonly byId = new Map<string, User>()
  private readonly byUpn = new Map<string, User>()
  private readonly groupsById = new Map<string, Group>()

  get users(): User[] {
    return [...this.byId.values()]
  }

  get groups(): Group[] {
    return [...this.groupsById.values()]
  }

  add(user: User): void {
    this.byId.set(user.id, user)
    this.byUpn.set(user.upn.toLowerCase(), user)
  }

  addGroup(group: Group): void {
    this.groupsById.set(group.id, group)
  }

  findUser(idOrUpn: string): User | undefined {
    const name = idOrUpn.toLowerCase()
    return this.byId.get(name) ?? this.byUpn.get(name)
  }

  findGroup(id: string): Group | undefined {
    return this.groupsById.get(id.toLowerCase())
  }

  /** The object id stays, the old name is unknown from now on. */
  rename(user: User, upn: string): void {
    this.byUpn.delete(user.upn.toLowerCase())
    user.upn = upn
    user.mail = upn
    this.byUpn.set(upn.toLowerCase(), user)
  }
}
