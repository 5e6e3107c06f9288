import type { FolderSpec } from './folder.ts'

// Folder trees of seeded mailboxes. `total` is shared out over the tree.

/** English names, everything that a client may meet in a tree. */
export function officeFolders(total: number): FolderSpec[] {
  const part = (share: number) => Math.max(1, Math.round(total * share))
  const customers = Array.from({ length: 13 }, (_, index) => ({
    name: `Customer ${String(index + 1).padStart(2, '0')}`,
    count: part(0.01),
  }))
  return [
    {
      name: 'Inbox',
      alias: 'inbox',
      count: part(0.4),
      sameSecond: Math.min(40, part(0.02)),
      children: [
        {
          name: 'Projects',
          count: part(0.05),
          children: [
            {
              name: 'Harbour / phase 2',
              count: part(0.04),
              children: [{ name: '2026', count: part(0.03), children: [{ name: 'Drawings ✏️', count: part(0.02) }] }],
            },
          ],
        },
        { name: 'Customers', children: customers },
        { name: 'Empty' },
      ],
    },
    { name: 'Sent Items', alias: 'sentitems', kind: 'sent', count: part(0.15) },
    { name: 'Drafts', alias: 'drafts', kind: 'drafts', count: part(0.01) + 2 },
    {
      name: 'Deleted Items',
      alias: 'deleteditems',
      count: part(0.05),
      children: [{ name: 'Projects', count: part(0.01) }],
    },
    { name: 'Junk Email', alias: 'junkemail', count: part(0.03) },
    { name: 'Archive', alias: 'archive', count: part(0.08) },
    { name: 'Outbox', alias: 'outbox' },
    {
      name: 'Conversation History',
      alias: 'conversationhistory',
      count: 3,
      nonMailItems: 4,
      children: [{ name: 'Team Chat', count: 2, hidden: true }],
    },
    { name: 'Clutter', alias: 'clutter', hidden: true, count: part(0.01) },
    { name: 'Conflicts', alias: 'conflicts', hidden: true },
    { name: 'RSS Feeds', count: 4 },
    { name: 'Large mail', searchOf: 'inbox' },
    { name: 'Old server', containerClass: 'IPF.Imap', count: 5 },
    { name: 'Deletions', alias: 'recoverableitemsdeletions', byNameOnly: true, count: 6 },
  ]
}

/** German display names: folders must be known by alias, not by name. */
export function germanFolders(total: number): FolderSpec[] {
  const part = (share: number) => Math.max(1, Math.round(total * share))
  return [
    {
      name: 'Posteingang',
      alias: 'inbox',
      count: part(0.6),
      children: [{ name: 'Aufträge', count: part(0.1), children: [{ name: 'Größere', count: part(0.05) }] }],
    },
    { name: 'Gesendete Elemente', alias: 'sentitems', kind: 'sent', count: part(0.15) },
    { name: 'Entwürfe', alias: 'drafts', kind: 'drafts', count: 4 },
    { name: 'Gelöschte Elemente', alias: 'deleteditems', count: part(0.05) },
    { name: 'Junk-E-Mail', alias: 'junkemail', count: part(0.05) },
  ]
}

export function plainFolders(total: number): FolderSpec[] {
  const inFolders = Math.min(total, Math.floor(total * 0.4))
  const sent = Math.floor(inFolders / 2)
  return [
    {
      name: 'Inbox',
      alias: 'inbox',
      count: total - inFolders,
      children: [{ name: 'Family', count: inFolders - sent }],
    },
    { name: 'Sent Items', alias: 'sentitems', kind: 'sent', count: sent },
    { name: 'Drafts', alias: 'drafts', kind: 'drafts' },
    { name: 'Deleted Items', alias: 'deleteditems' },
  ]
}

/** One folder with everything, for benchmarks. */
export function singleFolder(total: number): FolderSpec[] {
  return [
    { name: 'Inbox', alias: 'inbox', count: total },
    { name: 'Sent Items', alias: 'sentitems', kind: 'sent' },
    { name: 'Deleted Items', alias: 'deleteditems' },
  ]
}
