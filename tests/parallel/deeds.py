"""What workers do at the same time in the tests of parallel work, inside Odoo."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

MEETING_SECONDS = 30
#: Time for the second of two senders to do its work beside the first, were nothing to hold it up.
BESIDE_SECONDS = 4


def meet(folder: str, name: str, count: int) -> None:
    """Wait until `count` workers have come to this point, so that they really work at the same time."""
    (Path(folder) / name).touch()
    if not _have_come(folder, count, MEETING_SECONDS):
        raise TimeoutError(f"{name} waited for the others in vain")


def _have_come(folder: str, count: int, seconds: float) -> bool:
    """Whether `count` workers come within `seconds`; returns as soon as they have."""
    deadline = time.monotonic() + seconds
    while len(list(Path(folder).iterdir())) < count:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def propose(env, run: int, folder: str, name: str, count: int) -> str:
    """A person's click on “propose” and the scheduled action's work; returns what the person sees of a refusal."""
    from odoo.exceptions import UserError
    from odoo.service.model import retrying

    record = env["dunning.run"].browse(run)
    meet(folder, name, count)
    try:
        retrying(record._start_proposing, env)
    except UserError as error:
        env.cr.rollback()
        return str(error)
    record._propose_committing(lambda *_done, **_left: env.cr.commit() or True)
    return ""


def send(env, folder: str, name: str, count: int) -> None:
    """The sending action and the mail queue, outside Odoo's scheduler, which would let only one of them run."""
    meet(folder, name, count)
    env["dunning.notice"]._cron_send()
    env.cr.commit()
    env["mail.mail"].process_email_queue()
    env.cr.commit()


def send_first(env, folder: str, name: str, count: int) -> None:
    """Hand over what is approved; before it is committed, the other sender comes and may do the same."""

    def commit(*done, **_left):
        if done:
            (Path(folder) / name).touch()
            _have_come(folder, count, BESIDE_SECONDS)
        env.cr.commit()
        return True

    env["dunning.notice"]._send_company(env.company, commit)


def approve_and_send(env, run: int, folder: str, name: str, count: int) -> None:
    """Once the first sender has its messages in hand: approve another run, and hand over what is approved."""
    if not _have_come(folder, count - 1, MEETING_SECONDS):
        raise TimeoutError("there is no first sender")
    env["dunning.run"].browse(run).action_approve()
    env.cr.commit()

    def commit(*done, **_left):
        if done:
            (Path(folder) / name).touch()
        env.cr.commit()
        return True

    env["dunning.notice"]._send_company(env.company, commit)


def approve(env, run: int, folder: str, name: str, count: int) -> None:
    """A person's click, tried again as Odoo's web server tries a request again."""
    from odoo.service.model import retrying

    record = env["dunning.run"].browse(run)
    meet(folder, name, count)
    retrying(record.action_approve, env)


def queue(env) -> None:
    """Approved messages into the mail queue, and no further."""
    env["dunning.notice"]._cron_send()
    env.cr.commit()


def deliver(env) -> None:
    """What is in the mail queue to the mail server."""
    env["mail.mail"].process_email_queue()
    env.cr.commit()


def pay(env, moves: list[int]) -> None:
    """Money for these invoices, reconciled with them."""
    for move in env["account.move"].browse(moves):
        wizard = env["account.payment.register"].with_context(
            active_model="account.move", active_ids=move.ids
        )
        wizard.create({"payment_date": date.today()})._create_payments()
    env.cr.commit()


def pay_at_once(env, moves: list[int], folder: str, name: str, count: int) -> None:
    """The same, at the moment the others come to the meeting."""
    from odoo.service.model import retrying

    meet(folder, name, count)
    retrying(lambda: pay(env, moves), env)


def refresh_first(env, folder: str, name: str, count: int) -> None:
    """Bring every receivable up to date; the other one begins before it is committed."""
    env["dunning.item"]._refresh(env["res.company"].search([]))
    meet(folder, name, count)
    time.sleep(1)
    env.cr.commit()


def follow(env, folder: str, name: str, count: int) -> None:
    """What posting and paying left for the scheduled action, as it was before the other one is done."""
    env.cr.execute("SELECT 1 FROM dunning_item_change")
    meet(folder, name, count)
    env["dunning.item.change"]._cron_follow()


def leave(env, moves: list[int]) -> None:
    """As if these invoices had just been posted."""
    env["dunning.item.change"]._leave(env["account.move"].browse(moves).line_ids.ids)
    env.cr.commit()
