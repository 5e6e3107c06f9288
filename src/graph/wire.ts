/** The fields of Graph that we read. Any of them may be absent or null: Graph promises no more than the id. */
export interface WireMessage {
  id: string
  '@odata.type'?: string | null
  '@removed'?: unknown
  changeKey?: string | null
  parentFolderId?: string | null
  subject?: string | null
  body?: { contentType?: string | null; content?: string | null } | null
  bodyPreview?: string | null
  importance?: string | null
  conversationId?: string | null
  internetMessageId?: string | null
  createdDateTime?: string | null
  lastModifiedDateTime?: string | null
  receivedDateTime?: string | null
  sentDateTime?: string | null
  hasAttachments?: boolean | null
  isDraft?: boolean | null
  isRead?: boolean | null
  from?: WireRecipient | null
  sender?: WireRecipient | null
  toRecipients?: WireRecipient[] | null
  ccRecipients?: WireRecipient[] | null
  bccRecipients?: WireRecipient[] | null
  replyTo?: WireRecipient[] | null
  categories?: string[] | null
  flag?: WireFlag | null
  inferenceClassification?: string | null
  webLink?: string | null
  internetMessageHeaders?: { name?: string | null; value?: string | null }[] | null
}

export interface WireRecipient {
  emailAddress?: { name?: string | null; address?: string | null } | null
}

export interface WireFlag {
  flagStatus?: string | null
  startDateTime?: WireTime | null
  dueDateTime?: WireTime | null
  completedDateTime?: WireTime | null
}

export interface WireTime {
  dateTime?: string | null
  timeZone?: string | null
}

export interface WireAttachment {
  id: string
  '@odata.type'?: string | null
  name?: string | null
  contentType?: string | null
  size?: number | null
  isInline?: boolean | null
  lastModifiedDateTime?: string | null
  contentId?: string | null
  contentBytes?: string | null
}

export interface WireFolder {
  id: string
  '@odata.type'?: string | null
  '@removed'?: unknown
  displayName?: string | null
  childFolderCount?: number | null
  isHidden?: boolean | null
  parentFolderId?: string | null
  totalItemCount?: number | null
}

export interface WireUser {
  id: string
  '@odata.type'?: string | null
  userPrincipalName?: string | null
  userType?: string | null
}

/** `$select` of messages: what `Message` keeps, and nothing else. */
export const MESSAGE_FIELDS = [
  'id',
  'changeKey',
  'subject',
  'body',
  'bodyPreview',
  'importance',
  'conversationId',
  'internetMessageId',
  'createdDateTime',
  'lastModifiedDateTime',
  'receivedDateTime',
  'sentDateTime',
  'hasAttachments',
  'isDraft',
  'isRead',
  'from',
  'sender',
  'toRecipients',
  'ccRecipients',
  'bccRecipients',
  'replyTo',
  'categories',
  'flag',
  'inferenceClassification',
  'webLink',
  'internetMessageHeaders',
].join(',')

/** `$select` of a walk by ids: cheap, and it renders no body, which is what breaks pages. */
export const VERSION_FIELDS = 'id,changeKey,receivedDateTime'

/** `$select` of attachments: all that is kept but `contentId`, and no contents. */
export const ATTACHMENT_FIELDS = 'id,name,contentType,size,isInline,lastModifiedDateTime'

export const FOLDER_FIELDS = 'id,displayName,parentFolderId,childFolderCount,isHidden,totalItemCount'
/** The `@odata.type` of a folder that shows mail of others. */
export const SEARCH_FOLDER = '#microsoft.graph.mailSearchFolder'
export const USER_FIELDS = 'id,userPrincipalName,mail,userType'
