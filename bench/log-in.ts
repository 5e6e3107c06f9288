import { type Dispatcher, request } from 'undici'

export interface LoginTask {
  url: string
  clientId: string
  clientSecret: string
}

/** A token, as the least of all programs would get it. */
export async function logIn({ url, clientId, clientSecret }: LoginTask, dispatcher: Dispatcher): Promise<string> {
  const answer = await request(url, {
    dispatcher,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: 'https://graph.microsoft.com/.default',
    }).toString(),
  })
  const { access_token } = (await answer.body.json()) as { access_token: string }
  return access_token
}
