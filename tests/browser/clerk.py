"""A person at the web client: clicks where a person clicks, and remembers what the browser complained about."""

from __future__ import annotations

import time
from pathlib import Path

from playwright.sync_api import Page

# None comes from us: a file the Debian package leaves out, Odoo's company look-up, which needs the internet, and a
# chat channel marked as read by two requests at once, which Odoo tries again by itself.
NOISE = (
    "selfie_segmentation",
    "partner_autocomplete",
    "partner-autocomplete",
    'bad query: b\' UPDATE "discuss_channel_member"',
)
SIZE = {"width": 1440, "height": 900}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
]
ERROR_DIALOG = ".o_error_dialog"
VIEW = ".o_action_manager .o_view_controller"
PATIENCE_MS = 60_000
RPC = "/web/dataset/"
# So many looks in a row without an open question mean that nothing is being loaded.
TURN_MS = 50
QUIET_TURNS = 4


class Clerk:
    """One logged-in browser window on an Odoo server."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: message.type == "error" and self._complain(_said(message)))
        page.on("pageerror", lambda error: self._complain(str(error)))
        self._asked = set()
        page.on("request", lambda request: RPC in request.url and self._asked.add(request))
        page.on("requestfinished", lambda request: self._asked.discard(request))
        page.on("requestfailed", lambda request: self._asked.discard(request))

    def _complain(self, text: str) -> None:
        if not any(noise in text for noise in NOISE):
            self.complaints.append(text)

    def log_in(self, login: str) -> Clerk:
        """Log in; in demo and tests the password is the login."""
        self.page.goto(f"{self.url}/web/login")
        self.page.fill("input[name=login]", login)
        self.page.fill("input[name=password]", login)
        self.page.click("button[type=submit]")
        self.page.wait_for_selector(".o_main_navbar")
        return self

    def open(self, path: str) -> None:
        """Go to an address of the web client, e.g. `/odoo/collections`, and wait for its view."""
        self.page.goto(self.url + path)
        self.page.wait_for_selector(VIEW)
        self.settle()

    def settle(self) -> None:
        """Wait until the client has had every answer and drawn it."""
        quiet = 0
        end = time.monotonic() + PATIENCE_MS / 1000
        while quiet < QUIET_TURNS and time.monotonic() < end:
            self.page.wait_for_timeout(TURN_MS)
            quiet = 0 if self._asked else quiet + 1

    def open_row(self, number: int = 0) -> None:
        """Open a row of the list on the screen by its first text cell; a list edited in place opens the row in it."""
        row = self.page.locator(f"{VIEW} tr.o_data_row").nth(number)
        row.locator("td.o_data_cell.cursor-pointer:not(.o_handle_cell)").first.click()
        self.page.wait_for_selector(f"{VIEW}.o_form_view, {VIEW} tr.o_selected_row, {ERROR_DIALOG}")
        self.settle()

    def tab(self, name: str) -> None:
        """Open a tab of the form on the screen."""
        self.page.locator(f".o_notebook a.nav-link[name={name}]").first.click()
        self.settle()

    def press(self, method: str) -> None:
        """Press the button of the header that calls `method`."""
        self.page.locator(f".o_form_statusbar button[name={method}]:visible").first.click()

    def confirm(self) -> None:
        """Say yes to the question on the screen."""
        self.page.locator(".modal-footer .btn-primary").click()
        self.page.wait_for_selector(".modal", state="detached")

    def fill(self, texts: dict[str, str], choice: str = "") -> None:
        """Fill the dialog on the screen, field by field, choose among its round buttons, and confirm."""
        self.page.wait_for_selector(".modal .o_form_view")
        if choice:
            self.page.locator(".modal").get_by_label(choice).check()
        for field, text in texts.items():
            self.page.locator(f".modal .o_field_widget[name={field}] :is(input, textarea)").first.fill(text)
        self.page.locator(".modal-footer .btn-primary:visible").click()
        self.settle()

    def error_dialog(self) -> str:
        """What an error dialog on the screen says; empty where there is none."""
        dialog = self.page.query_selector(ERROR_DIALOG)
        return dialog.inner_text() if dialog else ""

    def picture(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)

    def menus(self, app: str) -> list[tuple[str, ...]]:
        """Every entry of an app that this user sees, as the way to it: `(entry,)` or `(section, entry)`."""
        menus = self.page.evaluate("() => fetch('/web/webclient/load_menus').then((reply) => reply.json())")
        [root] = [menu for menu in menus.values() if menu["name"] == app and menu["id"] == menu["appID"]]
        return [way for child in root["children"] for way in _ways(menus, menus[str(child)])]

    def choose(self, way: tuple[str, ...]) -> None:
        """Click through the menu to an entry; what was open before is closed."""
        if self.page.query_selector(".modal"):
            self.page.keyboard.press("Escape")
            self.page.wait_for_selector(".modal", state="detached")
        self.page.evaluate(f"() => document.querySelector('{VIEW}')?.setAttribute('data-left', '')")
        bar = self.page.locator(".o_menu_sections")
        bar.locator(f"[data-menu-xmlid='{way[0]}']").click()
        if len(way) > 1:
            self.page.locator(f".o-dropdown--menu [data-menu-xmlid='{way[1]}']").click()
        self.page.wait_for_selector(f"{VIEW}:not([data-left]), .modal .o_view_controller, {ERROR_DIALOG}")
        self.settle()


def _said(message) -> str:
    return f"{message.text} ({message.location.get('url', '')})"


def _ways(menus: dict, menu: dict):
    """An entry of the bar, or every entry below a section of it, in sub-sections too."""
    if not menu["children"]:
        yield (menu["xmlid"],)
    for leaf in _leaves(menus, menu):
        yield menu["xmlid"], leaf


def _leaves(menus: dict, menu: dict):
    for child in menu["children"]:
        below = menus[str(child)]
        if below["children"]:
            yield from _leaves(menus, below)
        else:
            yield below["xmlid"]
