import { Type } from 'typebox'
import { AppError } from '../../errors.ts'
import type { ApiDeps, ApiServer } from '../api-server.ts'
import { Address } from '../contract.ts'
import { refuseBody } from '../requests.ts'
import { answer, failures } from './failures.ts'

const ErasedAnswer = Type.Object({ user_upn: Type.String(), message: Type.String() })

/** What is stored of whole mailboxes. */
export function mailboxRoutes(server: ApiServer, { eraseMailbox }: ApiDeps): void {
  server.delete(
    '/mailboxes/:user_upn',
    {
      preHandler: refuseBody,
      schema: {
        tags: ['Mailboxes'],
        operationId: 'eraseMailbox',
        summary: 'Erase all that is stored of a mailbox: messages, attachments, MIME, ledger and checkpoints',
        description:
          'Content that other mailboxes hold as well stays for them. What was asked for, the list of runs, keeps the address. ' +
          'A later start copies everything anew.',
        params: Type.Object({ user_upn: Address }),
        response: {
          200: answer(ErasedAnswer, 'Nothing of it is stored any more'),
          ...failures('mailbox_not_stored', 'extraction_active', 'blob_store_unavailable'),
        },
      },
    },
    async ({ params: { user_upn } }) => {
      if (!(await eraseMailbox(user_upn))) {
        throw new AppError('mailbox_not_stored', `Nothing is stored of a mailbox "${user_upn}"`)
      }
      return { user_upn, message: 'Mailbox erased' }
    },
  )
}
