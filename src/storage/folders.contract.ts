import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FolderId } from '../copying/mailbox.ts'
import { ClaimLostError } from '../extractions/extraction.ts'
import { DEFAULT_OPTIONS } from '../extractions/options.ts'
import { aFolder, beginCopy, INBOX, type OpenStores } from './testing/fixtures.ts'

/** What is remembered of the folders from one listing to the next. */
export function foldersContract(open: () => Promise<OpenStores>): void {
  test('the folders of the last listing are remembered, without those that are gone and those of recoverable items', async () => {
    await using stores = await open()
    const { claim, mailbox } = await beginCopy(stores)
    const below = { ...aFolder('below' as FolderId, 'Inbox/Below'), parentId: INBOX, isHidden: true }
    const recoverable = { ...aFolder('recoverable' as FolderId, 'Deletions'), isRecoverable: true }
    const folders = [aFolder(INBOX, 'Inbox'), below, recoverable]
    await stores.messages.openLanes(claim, mailbox, { ...DEFAULT_OPTIONS, folders, isWalkedInFull: false, chosen: [] })

    const last = await stores.messages.lastFolders(mailbox)
    assert.deepEqual(
      last.folders.sort((one, other) => (one.id < other.id ? -1 : 1)),
      [
        { id: 'below', parentId: INBOX },
        { id: INBOX, parentId: null },
      ],
    )
  })

  test('when the folders were walked in full is noted with them, and stays when less was asked', async () => {
    await using stores = await open()
    const { claim, mailbox } = await beginCopy(stores)
    await stores.query(`update mailboxes set folders_walked_at = null`)
    const walk = async (isWalkedInFull: boolean) => {
      const plan = { ...DEFAULT_OPTIONS, folders: [aFolder(INBOX, 'Inbox')], isWalkedInFull, chosen: [] }
      await stores.messages.openLanes(claim, mailbox, plan)
      return (await stores.messages.lastFolders(mailbox)).walkedInFullAt
    }
    assert.equal(await walk(false), undefined)
    const walkedAt = await walk(true)
    assert.ok(walkedAt !== undefined && Math.abs(walkedAt - Date.now()) < 3_600_000)
    assert.equal(await walk(false), walkedAt)

    await stores.claims.recoverLost()
    await assert.rejects(walk(true), ClaimLostError)
    assert.equal((await stores.messages.lastFolders(mailbox)).walkedInFullAt, walkedAt)
  })
}
