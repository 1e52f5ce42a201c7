"""`make screenshots`: the pictures of the README, from a demo with both ledgers.

Each picture is one the reader can make again: log in to `make demo`, click the same way.
"""

from __future__ import annotations

import contextlib
import io
import sys
from datetime import date
from pathlib import Path

from cryptography.fernet import Fernet
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.clerk import FLAGS, SIZE, Clerk
from tests.stage import cache, checkout, odoo, ports, provision, server
from tests.stage.demo import parts as demo_parts
from tests.stage.demo import prepared, story
from tests.stage.demo.office import Office
from tests.stage.errors import StageError
from tests.stage.progress import note, step
from tests.stage.smtp import Mailbox

FOLDER = checkout.ADDON / "static" / "description"
DATABASE = "dunning_pictures"
COLOURS = 128
CORNER = (SIZE["width"] - 1, SIZE["height"] - 1)


def main() -> int:
    """Take every picture; returns the exit status."""
    chromium = provision.tool(provision.CHROMIUM_NAMES)
    if not chromium:
        raise StageError("There is no Chromium on this machine, so no pictures can be taken.")
    with contextlib.ExitStack() as stage:
        office = _world(stage)
        playwright = stage.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        with step("Taking pictures"):
            accountant = Clerk(browser.new_context(viewport=SIZE).new_page(), office.url).log_in("accountant")
            _morning(accountant)
            story.propose(office)
            _run(accountant)
            admin = Clerk(browser.new_context(viewport=SIZE).new_page(), office.url).log_in("admin")
            _set_up(admin)
        browser.close()
    odoo.drop_database(DATABASE)
    for complaint in accountant.complaints + admin.complaints:
        note(f"The browser complained: {complaint}")
    return 0


def _world(stage: contextlib.ExitStack) -> Office:
    """Odoo with both ledgers read."""
    box = stage.enter_context(Mailbox(cache.root() / "pictures" / "mail"))
    made = prepared.fresh(date.today(), DATABASE)
    ledgers = [stage.enter_context(demo_parts.ledger(vendor)) for vendor in ("quickbooks", "xero")]
    odoo_server = stage.enter_context(
        server.running(
            made.database,
            "--max-cron-threads=1",
            f"--smtp={ports.LOOPBACK}",
            f"--smtp-port={box.port}",
            variables={"ODOO_DUNNING_KEY": Fernet.generate_key().decode()},
        )
    )
    office = Office(odoo_server.url, made.database, "admin", "admin")
    office.call("ir.config_parameter", "set_param", "web.base.url", odoo_server.url)
    for ledger in ledgers:
        ledger_id = story.connect(office, ledger)
        story.press_sync(office, ledger_id)
        story.wait_for_schedule(office, ledger_id)
    return office


def _morning(accountant: Clerk) -> None:
    """What an accountant sees first: the worklist, and one customer."""
    accountant.open("/odoo/collections")
    _keep(accountant, "worklist")
    accountant.open_row(1)
    accountant.press("action_call")
    accountant.fill({"note": "Ms Winter: half of it leaves on Friday."}, choice="Promises to pay")
    accountant.fill({"note": "Ms Winter, on the phone"})
    _keep(accountant, "customer")
    accountant.tab("today")
    _keep(accountant, "why")


def _run(accountant: Clerk) -> None:
    """A proposal, what it leaves out, and its messages."""
    accountant.open("/odoo/collections-runs")
    accountant.open_row()
    _keep(accountant, "run")
    accountant.press("action_review")
    accountant.page.wait_for_selector(".o_dunning_pane iframe")
    accountant.settle()
    _keep(accountant, "review")


def _set_up(admin: Clerk) -> None:
    """What an admin works with: policy, text and ledger."""
    admin.open("/odoo/action-odoo_dunning.dunning_policy_action")
    admin.open_row()
    _keep(admin, "policy")
    admin.open("/odoo/action-odoo_dunning.dunning_template_action")
    admin.page.click("tr.o_data_row:has-text('Friendly reminder'):has-text('German') td[name=title]")
    admin.page.wait_for_selector(".o_dunning_template_preview iframe")
    admin.settle()
    _keep(admin, "text")
    admin.open("/odoo/action-odoo_dunning.dunning_ledger_action")
    admin.open_row()
    _keep(admin, "ledger")


def _keep(clerk: Clerk, name: str) -> None:
    """One picture, small enough for a repository, with no tooltip under the mouse."""
    clerk.page.mouse.move(*CORNER)
    clerk.settle()
    picture = Image.open(io.BytesIO(clerk.page.screenshot()))
    path: Path = FOLDER / f"{name}.png"
    picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    note(f"{path.relative_to(checkout.ROOT)}: {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    sys.exit(main())
