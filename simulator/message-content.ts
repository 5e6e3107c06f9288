/** One party of a message, as Graph's emailAddress has it. */
export interface Party {
  name: string
  address: string
}

interface DateTimeTimeZone {
  dateTime: string
  timeZone: string
}

/** What a meeting message says beyond a mail. */
export interface Meeting {
  type:
    | '#microsoft.graph.eventMessage'
    | '#microsoft.graph.eventMessageRequest'
    | '#microsoft.graph.eventMessageResponse'
  /** `meetingTenativelyAccepted` is spelled so by Graph. */
  messageType:
    | 'meetingRequest'
    | 'meetingCancelled'
    | 'meetingAccepted'
    | 'meetingTenativelyAccepted'
    | 'meetingDeclined'
  start: DateTimeTimeZone
  end: DateTimeTimeZone
  place: string
}

export type Attachment =
  | {
      kind: 'file'
      name: string | null
      contentType: string | null
      isInline: boolean
      contentId: string | null
      bytes: Buffer
    }
  | { kind: 'item'; name: string | null; mime: string }
  | { kind: 'reference'; name: string | null }

/** A message without its state (folder, read or unread, version): the part that is computed or parsed, never kept. */
export interface MessageContent {
  subject: string | null
  from: Party | null
  sender: Party | null
  to: readonly Party[]
  cc: readonly Party[]
  bcc: readonly Party[]
  replyTo: readonly Party[]
  /** Seconds since 1970. Drafts and odd items may have none. */
  receivedAt: number | null
  sentAt: number | null
  createdAt: number
  internetMessageId: string | null
  conversation: number
  headers: readonly { name: string; value: string }[]
  importance: 'low' | 'normal' | 'high'
  categories: readonly string[]
  flagStatus: 'notFlagged' | 'flagged' | 'complete'
  focused: boolean
  isRead: boolean
  isDraft: boolean
  hasAttachments: boolean
  meeting?: Meeting
  preview: string
  html(): string
  attachments(): Attachment[]
}

/** Where a mailbox takes the content of its messages from, by key. */
export interface MessageSource {
  content(key: number): MessageContent
  /** Must not fall while the key rises within a folder: listing by date finds its place by halving. */
  receivedAt(key: number): number | null
  isRead(key: number): boolean
}
