/** What a request's Prefer headers ask for. They hold for that request only: links do not remember them. */
export interface Preferences {
  immutableIds: boolean
  maxPageSize: number | undefined
  bodyType: 'text' | 'html' | undefined
  unsafeHtml: boolean
}

export function readPreferences(header: string | undefined): Preferences {
  const preferences: Preferences = {
    immutableIds: false,
    maxPageSize: undefined,
    bodyType: undefined,
    unsafeHtml: false,
  }
  for (const part of (header ?? '').split(',')) {
    const [name = '', value = ''] = part.split('=').map((side) => side.trim().replace(/^"(.*)"$/, '$1'))
    const wanted = value.toLowerCase()
    switch (name.toLowerCase()) {
      case 'idtype':
        preferences.immutableIds = wanted === 'immutableid'
        break
      case 'odata.maxpagesize':
        if (/^[1-9]\d{0,8}$/.test(value)) preferences.maxPageSize = Number(value)
        break
      case 'outlook.body-content-type':
        if (wanted === 'text' || wanted === 'html') preferences.bodyType = wanted
        break
      case 'outlook.allow-unsafe-html':
        preferences.unsafeHtml = true
        break
    }
  }
  return preferences
}

/** The answer's Preference-Applied header. */
export function appliedPreferences(
  { immutableIds, maxPageSize, bodyType }: Preferences,
  paged: boolean,
  delta = false,
): Record<string, string> {
  const applied = [
    ...(delta ? ['odata.track-changes'] : []),
    ...(immutableIds ? ['IdType=ImmutableId'] : []),
    ...(paged && maxPageSize !== undefined ? [`odata.maxpagesize=${maxPageSize}`] : []),
    ...(bodyType ? [`outlook.body-content-type="${bodyType}"`] : []),
  ]
  return applied.length > 0 ? { 'preference-applied': applied.join(', ') } : {}
}
