"""What must be true of a run after every crash: each message once in the mailbox, or said to be uncertain, never twice.

The guarantee in full. A message is marked as being sent, and the mark committed, before the mail server is spoken to;
its outcome is committed right after the server's answer. So
- nothing is ever delivered twice;
- whatever had not been marked is delivered after the restart, without a hand;
- at most one message per killed sender, the one marked and without an outcome, is *uncertain*: it is not sent again by
  itself, it stands on the worklist, and a person who looked says “was sent” or “send again”. Then it is exactly once.
"""

from __future__ import annotations

from tests.parallel import scene
from tests.parallel.workers import Work, Workers

#: Longer than a message may stand as “being sent”, shorter than its first retry would take anyone by surprise.
WAIT_MINUTES = 20


class Judge:
    """Follows one run from the kill to its end."""

    def __init__(self, workers: Workers, mailbox, run: int) -> None:
        self.workers = workers
        self.mailbox = mailbox
        self.run = run
        self.database = workers.database

    def resume(self) -> None:
        """A new process goes on; while something is under way, time passes and the scheduler runs again."""
        self.workers.run("tests.crash.deeds:approve_and_send", run=self.run)
        for _ in range(3):
            if set(scene.states(self.database, self.run).values()) <= {"sent", "uncertain"}:
                return
            scene.let_time_pass(self.database, WAIT_MINUTES)
            self.workers.run("tests.crash.deeds:work_schedule")

    def complaints(self, kills: int) -> list[str]:
        """What is wrong now; [] when all is well."""
        copies = scene.delivered(self.mailbox)
        states = scene.states(self.database, self.run)
        wrong = [
            f"message {notice} was delivered {count} times" for notice, count in copies.items() if count > 1
        ]
        for notice, state in sorted(states.items()):
            count = copies.get(notice, 0)
            if state == "sent" and count != 1:
                wrong.append(f"message {notice} counts as sent and was delivered {count} times")
            elif state not in ("sent", "uncertain"):
                wrong.append(f"message {notice} is “{state}” in the end, delivered {count} times")
        uncertain = self.uncertain()
        if len(uncertain) > kills:
            wrong.append(f"{len(uncertain)} messages are uncertain after {kills} kill(s)")
        return wrong + self._wrong_levels()

    def uncertain(self) -> list[int]:
        return [
            notice for notice, state in scene.states(self.database, self.run).items() if state == "uncertain"
        ]

    def answer_as_a_person(self) -> None:
        """Look into the mailbox and tell Odoo which of the uncertain messages arrived; send the others."""
        arrived = scene.delivered(self.mailbox)
        for notice in self.uncertain():
            action = "action_was_sent" if notice in arrived else "action_send_again"
            self.workers.run("tests.crash.deeds:answer", notice=notice, action=action)
        self.workers.run("tests.crash.deeds:work_schedule")

    def final_complaints(self) -> list[str]:
        """What is wrong when nothing is left to do: now every message must have been delivered exactly once."""
        wrong = self.complaints(kills=0)
        copies = scene.delivered(self.mailbox)
        states = scene.states(self.database, self.run)
        if not states:
            wrong.append("the run has no message")
        wrong += [f"message {notice} never arrived" for notice in states if not copies.get(notice)]
        if scene.run_state(self.database, self.run) != "done":
            wrong.append(f"the run is “{scene.run_state(self.database, self.run)}”, not done")
        return wrong

    def _wrong_levels(self) -> list[str]:
        """Items whose level does not say what was sent: raised once for a sent message, untouched otherwise."""
        rows = scene.sql(
            self.database,
            """SELECT item.number, item.level_rank, line.level_rank, notice.state
                 FROM dunning_run_line line JOIN dunning_item item ON item.id = line.item_id
                 JOIN dunning_notice notice ON notice.id = line.notice_id
                WHERE line.run_id = %s
                  AND item.level_rank
                      IS DISTINCT FROM CASE WHEN notice.state = 'sent' THEN line.level_rank ELSE 0 END""",
            self.run,
        )
        return [
            f"{number} is at level {rank}, its message ({state}) at {sent}"
            for number, rank, sent, state in rows
        ]


def try_kill(workers: Workers, mailbox, **kill) -> list[str]:
    """One trial: a fresh run, a worker killed as told, another that goes on; returns what is wrong in the end."""
    scene.reset(workers.database)
    mailbox.clear()
    run = workers.run("tests.parallel.scene:propose")
    [outcome] = workers.do(Work("tests.crash.deeds:approve_and_send", {"run": run}, **kill))
    if outcome.error:
        return [outcome.error]
    judge = Judge(workers, mailbox, run)
    judge.resume()
    wrong = judge.complaints(kills=int(outcome.was_killed))
    if judge.uncertain():
        judge.answer_as_a_person()
    return wrong + judge.final_complaints()


def moments_of(workers: Workers, mailbox) -> list[str]:
    """All moments from approve to done of a run that nobody kills."""
    scene.reset(workers.database)
    mailbox.clear()
    run = workers.run("tests.parallel.scene:propose")
    [outcome] = workers.do(Work("tests.crash.deeds:approve_and_send", {"run": run}))
    assert outcome.status == 0, outcome.error
    judge = Judge(workers, mailbox, run)
    assert judge.final_complaints() == []
    return outcome.moments
