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

/** Sizes that fall off as 1, 1/2, 1/3 …, in groups of four that are nested three deep, for benchmarks. */
export function unevenFolders(total: number, count: number): FolderSpec[] {
  const folders = sharesOf(total, count).map((size, index) => ({ ...nameOf(index), count: size }))
  const groups = Array.from({ length: Math.ceil(count / 4) }, (_, group) => folders.slice(group * 4, group * 4 + 4))
  return groups.flatMap(([top, first, second, deep]) => {
    if (!top) return []
    const below = second && { ...second, children: deep ? [deep] : [] }
    return [{ ...top, children: [first, below].filter((child) => child !== undefined) }]
  })
}

function nameOf(index: number): Pick<FolderSpec, 'name' | 'alias'> {
  return index === 0 ? { name: 'Inbox', alias: 'inbox' } : { name: `Folder ${index + 1}` }
}

/** What is left when all are rounded down goes to the largest. */
function sharesOf(total: number, count: number): number[] {
  const weights = Array.from({ length: count }, (_, index) => 1 / (index + 1))
  const sum = weights.reduce((one, other) => one + other, 0)
  const shares = weights.map((weight) => Math.floor((total * weight) / sum))
  const rest = total - shares.reduce((one, other) => one + other, 0)
  return shares.map((share, index) => (index === 0 ? share + rest : share))
}
