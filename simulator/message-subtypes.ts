import type { CalendarSharing, Meeting, MessageContent } from './message-content.ts'

// Types that Graph derives from message, with the properties they add.

/** Undefined for a plain message. */
export function subtypeOf({ meeting, sharing }: MessageContent): string | undefined {
  return meeting?.type ?? (sharing && '#microsoft.graph.calendarSharingMessage')
}

export function subtypeProperties({ meeting, sharing }: MessageContent): object {
  return { ...(meeting && meetingProperties(meeting)), ...(sharing && sharingProperties(sharing)) }
}

function meetingProperties({ type, messageType, start, end, place, more }: Meeting): object {
  return {
    meetingMessageType: messageType,
    type: 'singleInstance',
    isOutOfDate: false,
    isAllDay: false,
    isDelegated: false,
    startDateTime: start,
    endDateTime: end,
    location: { displayName: place, locationType: 'default' },
    recurrence: null,
    ...(type === '#microsoft.graph.eventMessageRequest' && REQUEST),
    ...(type === '#microsoft.graph.eventMessageResponse' && { responseType: RESPONSES[messageType] ?? 'none' }),
    ...more,
  }
}

const REQUEST = {
  responseRequested: true,
  meetingRequestType: 'newMeetingRequest',
  allowNewTimeProposals: true,
  previousLocation: null,
  previousStartDateTime: null,
  previousEndDateTime: null,
}

const RESPONSES: Partial<Record<Meeting['messageType'], string>> = {
  meetingAccepted: 'accepted',
  meetingTenativelyAccepted: 'tentativelyAccepted',
  meetingDeclined: 'declined',
}

function sharingProperties({ suggestedCalendarName }: CalendarSharing): object {
  const primary = { importance: 'primary', actionType: 'accept', action: 'acceptAndViewCalendar' }
  return {
    canAccept: true,
    suggestedCalendarName,
    sharingMessageAction: primary,
    sharingMessageActions: [primary, { importance: 'secondary', actionType: 'accept', action: 'accept' }],
  }
}
