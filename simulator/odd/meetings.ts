import { Content } from '../content.ts'
import type { DateTimeTimeZone, Meeting } from '../message-content.ts'
import type { OddMaker } from './odd-message.ts'

/** Requests, answers and cancellations, and whatever else a calendar sends. */
export const MEETINGS = {
  meeting_request: meeting('#microsoft.graph.eventMessageRequest', 'meetingRequest'),
  meeting_request_update: meeting('#microsoft.graph.eventMessageRequest', 'meetingRequest', ({ start, end }) => ({
    meetingRequestType: 'fullUpdate',
    previousLocation: { displayName: 'Conference room 1', locationType: 'conferenceRoom' },
    previousStartDateTime: start,
    previousEndDateTime: end,
    isOutOfDate: true,
  })),
  meeting_request_series: meeting('#microsoft.graph.eventMessageRequest', 'meetingRequest', ({ start }) => ({
    type: 'seriesMaster',
    isAllDay: true,
    recurrence: {
      pattern: { type: 'weekly', interval: 1, daysOfWeek: ['monday'], firstDayOfWeek: 'monday' },
      range: { type: 'noEnd', startDate: start.dateTime.slice(0, 10), recurrenceTimeZone: 'UTC' },
    },
  })),
  meeting_cancelled: meeting('#microsoft.graph.eventMessage', 'meetingCancelled'),
  meeting_accepted: meeting('#microsoft.graph.eventMessageResponse', 'meetingAccepted'),
  meeting_tentatively_accepted: meeting('#microsoft.graph.eventMessageResponse', 'meetingTenativelyAccepted'),
  meeting_declined: meeting('#microsoft.graph.eventMessageResponse', 'meetingDeclined', ({ start, end }) => ({
    proposedNewTime: { start, end },
  })),
  /** Items of calendars are reported to have no MIME form now and then. */
  meeting_without_mime: (scene) => ({
    ...meeting('#microsoft.graph.eventMessage', 'none')(scene),
    mime: 'ErrorCorruptData',
  }),
  calendar_sharing: () => ({ sharing: { suggestedCalendarName: 'Calendar of Lynne' } }),
} satisfies Record<string, OddMaker>

const METHODS: Partial<Record<Meeting['messageType'], string>> = {
  meetingRequest: 'REQUEST',
  meetingCancelled: 'CANCEL',
}

function meeting(
  type: Meeting['type'],
  messageType: Meeting['messageType'],
  more?: (times: { start: DateTimeTimeZone; end: DateTimeTimeZone }) => Record<string, unknown>,
): OddMaker {
  return ({ at }) => {
    const start = timeAt(at + 86_400)
    const end = timeAt(at + 90_000)
    return {
      meeting: {
        type,
        messageType,
        start,
        end,
        place: 'Conference room 3',
        ...(more && { more: more({ start, end }) }),
      },
      mime: Content.of(calendarPart(METHODS[messageType] ?? 'REPLY', start.dateTime, end.dateTime)),
    }
  }
}

function timeAt(seconds: number): DateTimeTimeZone {
  return { dateTime: `${new Date(seconds * 1000).toISOString().slice(0, 19)}.0000000`, timeZone: 'UTC' }
}

function calendarPart(method: string, start: string, end: string): string {
  const compact = (dateTime: string) => `${dateTime.slice(0, 19).replace(/[-:]/g, '')}Z`
  return [
    `Content-Type: text/calendar; charset=utf-8; method=${method}`,
    '',
    'BEGIN:VCALENDAR',
    `METHOD:${method}`,
    'VERSION:2.0',
    'BEGIN:VEVENT',
    `DTSTART:${compact(start)}`,
    `DTEND:${compact(end)}`,
    'SUMMARY:Review',
    'LOCATION:Conference room 3',
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ].join('\r\n')
}
