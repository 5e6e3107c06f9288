import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { assertPerfectCopy, stored } from '../support/copies.ts'
import { aPlace, type DatabaseKind, onEachDatabase } from '../support/place.ts'
import { type Place, Service } from '../support/service.ts'
import { until, untilStatus } from '../support/wait.ts'

const MAILBOX = 'juergen.mueller@contoso.example'

interface World {
  simulator: Simulator
  place: Place
  /** Runs the connection to its end. */
  copy(): ReturnType<typeof untilStatus>
  service: Service
}

async function inAWorld(database: DatabaseKind, work: (world: World) => Promise<void>): Promise<void> {
  await using simulator = await startSimulator()
  await using place = await aPlace(database)
  await using service = await Service.start(simulator, place)
  const copy = async () => {
    await service.client.start('c', { user_upn: MAILBOX })
    return untilStatus(service.client, 'c', 'completed')
  }
  await work({ simulator, place, copy, service })
}

/** What the requests of the walk through a folder match: the first names it in its path, links name it in a key. */
function walkOf(simulator: Simulator, alias: string): string {
  const folder = [...simulator.truth(MAILBOX)].find((line) => line.type === 'folder' && line.alias === alias)
  assert.ok(folder)
  return `${folder.id.replace(/=+$/, '')}[^/]*/messages/delta`
}

onEachDatabase((database) => {
  for (const death of [
    'gone',
    'gone_with_location',
    'sync_state_not_found',
    'resync_required',
    'badly_formed',
  ] as const) {
    test(`when Graph forgets a delta link (${death}), the folder is walked anew and what went away meanwhile is noticed`, () =>
      inAWorld(database, async ({ simulator, place, copy }) => {
        await copy()
        const { rows } = await stored(place, MAILBOX)
        simulator.mutate(
          { user: MAILBOX, type: 'delete', folder: 'inbox', position: 3, count: 4, hard: true },
          { user: MAILBOX, type: 'arrive', count: 2 },
          { user: MAILBOX, type: 'move', folder: 'inbox', position: 20, count: 3, to: 'drafts' },
          { user: MAILBOX, type: 'expire_tokens', death },
        )
        const record = await copy()
        await assertPerfectCopy(simulator, place, MAILBOX)
        assert.equal((await stored(place, MAILBOX)).rows, rows + 2, 'nothing is stored twice')
        assert.equal((await stored(place, MAILBOX)).removed, 4)
        assert.ok(record.progress.messages_unchanged > 0)
      }))
  }

  test('a link that went stale while the run was paused starts the folder anew', () =>
    inAWorld(database, async ({ simulator, place, service }) => {
      simulator.faults.add({ match: { path: walkOf(simulator, 'inbox'), nth: 2 }, effect: { gate: 'middle' } })
      await service.client.start('c', { user_upn: MAILBOX })
      await simulator.gates.whenWaiting('middle')
      await service.client.pause('c')
      await untilStatus(service.client, 'c', 'paused')
      simulator.gates.open('middle')
      simulator.mutate(
        { user: MAILBOX, type: 'delete', folder: 'inbox', count: 5, hard: true },
        { user: MAILBOX, type: 'expire_tokens', death: 'gone' },
      )
      await service.client.continue('c')
      await untilStatus(service.client, 'c', 'completed')
      await assertPerfectCopy(simulator, place, MAILBOX)
    }))

  test('folders that are made, renamed, moved and deleted between two runs are followed', () =>
    inAWorld(database, async ({ simulator, place, copy }) => {
      await copy()
      const [made] = simulator.mutate({ user: MAILBOX, type: 'create_folder', name: 'Made later', parent: 'inbox' })
      assert.ok(made?.folder)
      simulator.mutate(
        { user: MAILBOX, type: 'move', folder: 'inbox', position: 0, count: 10, to: made.folder },
        { user: MAILBOX, type: 'rename_folder', folder: 'sentitems', name: 'Renamed' },
      )
      await copy()
      await assertPerfectCopy(simulator, place, MAILBOX)

      simulator.mutate({ user: MAILBOX, type: 'delete_folder', folder: made.folder })
      await copy()
      await assertPerfectCopy(simulator, place, MAILBOX)
    }))

  test('a run that follows soon asks for each of 40 folders once, and for all else ten times at most', async () => {
    const mailbox = { name: 'many@example.com', messages: 200, folderCount: 40 }
    await using simulator = await startSimulator({ demo: false, mailboxes: [mailbox] })
    await using place = await aPlace(database)
    await using service = await Service.start(simulator, place)
    const copy = async () => {
      simulator.resetStats()
      await service.client.start('c', { user_upn: mailbox.name })
      await untilStatus(service.client, 'c', 'completed')
      return simulator.stats().requests
    }
    await copy()
    simulator.mutate(
      { user: mailbox.name, type: 'rename_folder', folder: 'Folder 5/Folder 7', name: 'Renamed' },
      { user: mailbox.name, type: 'move_folder', folder: 'Folder 13', parent: 'inbox' },
      { user: mailbox.name, type: 'arrive', folder: 'inbox', count: 2 },
    )
    const requests = await copy()
    assert.ok(requests <= 50, `${requests} requests`)
    await assertPerfectCopy(simulator, place, mailbox.name)
    const paths = await place.query<{ path: string }>('select path from folders where removed_at is null')
    const folders = [...simulator.truth(mailbox.name)].filter((line) => line.type === 'folder')
    assert.deepEqual(paths.map(({ path }) => path).sort(), folders.map(({ path }) => path).sort())
  })

  test('what changes while the mailbox is being walked ends up as it is at the end', () =>
    inAWorld(database, async ({ simulator, place, copy }) => {
      simulator.faults.add({ match: { kind: 'delta', every: 4 }, effect: { gate: 'now and then' } })
      const ended = copy()
      let isEnded = false
      const done = ended.finally(() => {
        isEnded = true
      })
      for (let seed = 1; seed <= 5 && !isEnded; seed++) {
        await Promise.race([simulator.gates.whenWaiting('now and then'), done])
        simulator.mutate({ user: MAILBOX, type: 'random', seed, count: 20 })
        simulator.gates.release('now and then')
      }
      simulator.gates.open('now and then')
      await ended
      simulator.faults.clear()
      await copy() // what changed behind a walk that had already ended
      await assertPerfectCopy(simulator, place, MAILBOX)
    }))

  test('mail that moves while the page of its old folder is on its way is not lost, whichever comes first', () =>
    inAWorld(database, async ({ simulator, place, copy, service }) => {
      simulator.faults.add({
        match: { path: walkOf(simulator, 'inbox'), nth: 1 },
        effect: { gate: 'old folder', gate_at: 'answer' }, // made before the move, it comes after it
      })
      simulator.faults.add({ match: { path: walkOf(simulator, 'sentitems'), nth: 1 }, effect: { gate: 'new folder' } })
      const ended = copy()
      await simulator.gates.whenWaiting('old folder')
      await simulator.gates.whenWaiting('new folder')
      const [moved] = simulator.mutate({ user: MAILBOX, type: 'move', folder: 'inbox', to: 'sentitems', count: 3 })
      assert.equal(moved?.messages.length, 3)
      simulator.gates.open('new folder')
      await until('the new folder', async () => {
        const { live } = await stored(place, MAILBOX)
        return moved?.messages.every((id) => live.has(id)) || undefined
      })
      simulator.gates.open('old folder')
      await ended
      await assertPerfectCopy(simulator, place, MAILBOX)
      await copy() // the old folder tells that they are gone
      await assertPerfectCopy(simulator, place, MAILBOX)
      assert.equal((await service.client.report('c')).complete, true)
    }))

  test('a mailbox whose address has changed is still the same mailbox', () =>
    inAWorld(database, async ({ simulator, place, copy, service }) => {
      await copy()
      const { rows } = await stored(place, MAILBOX)
      const renamed = 'juergen.maier@contoso.example'
      simulator.mutate({ user: MAILBOX, type: 'rename_user', upn: renamed })
      await service.client.start('renamed', { user_upn: renamed })
      const record = await untilStatus(service.client, 'renamed', 'completed')
      assert.equal(record.progress.messages_stored, 0)
      assert.equal((await stored(place, renamed)).rows, rows)
    }))
})
