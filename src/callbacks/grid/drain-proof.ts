/** The proof that nothing is in flight: what one end of each channel has sent is what the other has received. */
import type { ChannelDrain, Flow } from '../participant.js';

/** Why it is no proof; undefined when it is. */
export function flawInDrain(reports: readonly ChannelDrain[]): string | undefined {
  const channels = new Map<string, ChannelDrain[]>();
  for (const report of reports) channels.set(report.id, [...(channels.get(report.id) ?? []), report]);
  for (const [id, ends] of channels) {
    const flaw = flawInChannel(ends);
    if (flaw !== undefined) return `channel "${id}": ${flaw}`;
  }
  return undefined;
}

function flawInChannel([first, second, ...more]: readonly ChannelDrain[]): string | undefined {
  if (!first) return undefined;
  if (!second) return first.outside === true ? undefined : `only end "${first.end}" was reported`;
  if (more.length > 0 || first.end === second.end)
    return `end "${(more[0] ?? second).end}" was reported once too often`;
  return flawInFlow(first, second) ?? flawInFlow(second, first);
}

function flawInFlow(from: ChannelDrain, to: ChannelDrain): string | undefined {
  if (sameFlow(from.sent, to.received)) return undefined;
  const { sent } = from;
  const { received } = to;
  const which = sent.messages === received.messages && sent.bytes === received.bytes ? ', not the same ones' : '';
  return `end "${from.end}" has sent ${tell(sent)}, end "${to.end}" has received ${tell(received)}${which}`;
}

function sameFlow(a: Flow, b: Flow): boolean {
  return a.messages === b.messages && a.bytes === b.bytes && a.digest === b.digest;
}

function tell({ messages, bytes }: Flow): string {
  return `${String(messages)} messages (${String(bytes)} bytes)`;
}
