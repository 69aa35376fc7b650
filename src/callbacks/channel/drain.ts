/** The `stop` of a participant that has channels: all of them are drained, and a drain that fails is a veto. */
import type { DrainReport, StopContext } from '../participant.js';
import { beforeDeadline } from './before-deadline.js';
import type { Conversation } from './conversation.js';

/** @throws CheckpointVeto with what was missing. */
export async function drainAll(context: StopContext, conversations: readonly Conversation[]): Promise<DrainReport> {
  return beforeDeadline(context, async (signal) => {
    const drains = conversations.map((conversation) => conversation.drain(context.op, signal));
    const reports = await Promise.all(drains);
    return { channels: reports.filter((report) => report !== undefined) };
  });
}
