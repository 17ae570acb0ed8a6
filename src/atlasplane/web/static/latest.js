/**
 * One request in flight and the latest wish behind it: whatever was asked in between is never sent.
 *
 * @template Q, A
 */
export class Latest {
  /**
   * @param {(question: Q) => Promise<A>} ask
   * @param {(answer: A, question: Q) => void} answered
   * @param {(problem: unknown, question: Q) => void} failed
   */
  constructor(ask, answered, failed) {
    this.ask = ask;
    this.answered = answered;
    this.failed = failed;
    this.busy = false;
    /** @type {{question: Q} | null} */
    this.waiting = null;
    this.stopped = false;
  }

  /** @param {Q} question */
  want(question) {
    if (this.stopped) return;
    if (this.busy) this.waiting = { question };
    else void this.#send(question);
  }

  /** Nothing more is asked, and no answer is passed on. */
  stop() {
    this.stopped = true;
    this.waiting = null;
  }

  /** @param {Q} question */
  async #send(question) {
    this.busy = true;
    try {
      const answer = await this.ask(question);
      if (!this.stopped) this.answered(answer, question);
    } catch (problem) {
      if (!this.stopped) this.failed(problem, question);
    } finally {
      this.busy = false;
      const next = this.waiting;
      this.waiting = null;
      if (next && !this.stopped) void this.#send(next.question);
    }
  }
}
