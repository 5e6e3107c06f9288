import type { Content } from './content.ts'

/** One party of a message, as Graph's emailAddress has it. */
export interface Party {
  name: string
  address: string
}

export interface DateTimeTimeZone {
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
    | 'none'
    | 'meetingRequest'
    | 'meetingCancelled'
    | 'meetingAccepted'
    | 'meetingTenativelyAccepted'
    | 'meetingDeclined'
  start: DateTimeTimeZone
  end: DateTimeTimeZone
  place: string
  /** Properties that differ from those of a plain meeting. */
  more?: Record<string, unknown>
}

/** An invitation to look into somebody's calendar. */
export interface CalendarSharing {
  suggestedCalendarName: string
}

export type Attachment =
  | {
      kind: 'file'
      name: string | null
      contentType: string | null
      isInline: boolean
      contentId: string | null
      content: Content
      /** Exchange lists it but cannot open it. */
      unopenable?: boolean
    }
  /** An attached message, event or contact. */
  | {
      kind: 'item'
      name: string | null
      type: 'message/rfc822' | 'text/calendar' | 'text/vcard'
      content: Content
    }
  | { kind: 'reference'; name: string | null }

/** Why a message has no MIME form, for good. */
export type MimeFailure = 'ErrorMimeContentConversionFailed' | 'ErrorCorruptData'

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
  /** None in copies of what was sent: the property is then missing. */
  headers: readonly { name: string; value: string }[]
  importance: 'low' | 'normal' | 'high'
  categories: readonly string[]
  flagStatus: 'notFlagged' | 'flagged' | 'complete'
  focused: boolean
  isRead: boolean
  isDraft: boolean
  hasAttachments: boolean
  meeting?: Meeting
  sharing?: CalendarSharing
  preview: string
  /** The name of a message made for tests. */
  odd?: string
  /** Given where it cannot be made from the rest: what a converter refuses, or a text of its own. */
  mime?: MimeFailure | Content
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
