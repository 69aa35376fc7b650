/** What processes of a unit have asked of the job checkpointer and have not been answered. */
import type { FromProcess } from '../messages.js';
import type { FromJob, FromUnit } from './coordination.js';
import type { ProcessMember } from './process-member.js';

export type Question = Extract<FromProcess, { type: 'request' | 'publish' | 'resolve' }>;
export type Answer = Extract<FromJob, { type: 'accepted' | 'refused' | 'ok' | 'endpoint' }>;

interface Asked {
  readonly member: ProcessMember;
  readonly id: number;
  readonly message: FromUnit;
}

export class Questions {
  /** By their ids on the link. */
  readonly #asked = new Map<string, Asked>();
  readonly #tell: (message: FromUnit) => void;

  constructor(tell: (message: FromUnit) => void) {
    this.#tell = tell;
  }

  ask(member: ProcessMember, question: Question): void {
    const id = idOf(member, question.id);
    const message = onLink(id, question);
    this.#asked.set(id, { member, id: question.id, message });
    this.#tell(message);
  }

  cancel(member: ProcessMember, id: number): void {
    if (this.#asked.delete(idOf(member, id))) this.#tell({ type: 'cancel', id: idOf(member, id) });
  }

  /** The member has hung up: it asks again when it is back. */
  forget(member: ProcessMember): void {
    for (const asked of this.#asked.values()) if (asked.member === member) this.cancel(member, asked.id);
  }

  /** The link is a new one: what was asked on the one before may have been lost. */
  repeat(): void {
    for (const { message } of this.#asked.values()) this.#tell(message);
  }

  answer(answer: Answer): void {
    const asked = this.#asked.get(answer.id);
    if (!asked) return;
    this.#asked.delete(answer.id);
    asked.member.send({ ...answer, id: asked.id });
  }
}

function idOf({ client }: ProcessMember, id: number): string {
  return `${client} ${String(id)}`;
}

function onLink(id: string, question: Question): FromUnit {
  switch (question.type) {
    case 'publish':
      return { type: 'publish', id, name: question.name, address: question.address };
    case 'resolve':
      return { type: 'resolve', id, name: question.name };
    case 'request': {
      const { mode, deadline_ms } = question;
      return { type: 'request', id, mode, ...(deadline_ms && { deadline: deadline_ms }) };
    }
  }
}
