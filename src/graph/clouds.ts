export type Cloud = 'global' | 'usgov' | 'dod' | 'china'

export interface CloudEndpoints {
  loginUrl: string
  graphUrl: string
  /** Whether Graph there tracks changes of messages (`messages/delta`). */
  hasDelta: boolean
}

/** Microsoft's clouds; apps, tokens and mailboxes belong to one of them (Graph docs: national cloud deployments). */
export const CLOUDS: Record<Cloud, CloudEndpoints> = {
  global: {
    loginUrl: 'https://login.microsoftonline.com',
    graphUrl: 'https://graph.microsoft.com',
    hasDelta: true,
  },
  usgov: { loginUrl: 'https://login.microsoftonline.us', graphUrl: 'https://graph.microsoft.us', hasDelta: true },
  dod: { loginUrl: 'https://login.microsoftonline.us', graphUrl: 'https://dod-graph.microsoft.us', hasDelta: true },
  china: {
    loginUrl: 'https://login.chinacloudapi.cn',
    graphUrl: 'https://microsoftgraph.chinacloudapi.cn',
    hasDelta: false,
  },
}

/** Login hosts of which Microsoft's library knows the endpoints without asking. */
export function isMicrosoftLogin(loginUrl: string): boolean {
  const { host } = new URL(loginUrl)
  return Object.values(CLOUDS).some((cloud) => new URL(cloud.loginUrl).host === host)
}
