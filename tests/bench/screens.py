"""Screens as the web client opens them: its calls, their queries and time, beside Odoo's own invoice list."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict

from lxml import etree

#: What the web client asks for at first.
LIST_LIMIT = 80
SUBLIST_LIMIT = 40
COUNT_LIMIT = 10001
#: name -> (model, domain of the list; None: a form of the record that shows most)
LISTS = {
    "Odoo's invoice list": ("account.move", [("move_type", "=", "out_invoice")]),
    "worklist": ("dunning.account", [("amount_overdue", ">", 0)]),
    "receivables": ("dunning.item", [("is_open", "=", True)]),
    "lines of a proposal": ("dunning.run.line", [("run_id", "=", "run")]),
    "messages of a proposal": ("dunning.notice", [("run_id", "=", "run")]),
}
FORMS = {
    "account form": ("dunning.account", [("amount_overdue", ">", 0)]),
    "proposal form": ("dunning.run", [("id", "=", "run")]),
    "Odoo's customer form": ("res.partner", [("name", "=", "Customer 7")]),
}


def open_all(env, repeat: int = 9) -> dict:
    """{screen: {"ms": median, "queries": number}} for a collections manager who is also an accountant."""
    open_states = ("draft", "proposed", "approved", "sending")
    env["dunning.run"].search([("state", "in", open_states)]).action_cancel()
    run = env["dunning.run"].create({"company_id": env.company.id})
    run.action_propose_now()
    user = _user(env)
    env.cr.commit()
    env = env(user=user.id, su=False)
    shows = {}
    for name, (model, domain) in LISTS.items():
        shows[name] = lambda model=model, domain=domain: _list(env, model, domain, run.id)
    for name, (model, domain) in FORMS.items():
        shows[name] = lambda model=model, domain=domain: _form(env, model, domain, run.id)
    screens = _measure(env, repeat, shows)
    env.cr.rollback()
    run.action_cancel()
    run.env.cr.commit()
    return screens


def _user(env):
    login = "bench_collector"
    user = env["res.users"].search([("login", "=", login)])
    groups = ("odoo_dunning.group_manager", "account.group_account_manager")
    return user or env["res.users"].create(
        {"name": "Collector", "login": login, "group_ids": [(4, env.ref(xmlid).id) for xmlid in groups]}
    )


def _measure(env, repeat: int, shows: dict) -> dict:
    """The medians of `repeat` rounds through all screens, so that each has its share of the machine's good and bad
    moments, after one that warms the registry's caches. Every call starts with an empty cache of records."""
    times, queries = defaultdict(list), defaultdict(list)
    for round_ in range(repeat + 1):
        for name, show in shows.items():
            env.invalidate_all()
            env.cr.rollback()
            load = show()
            before, started = env.cr.sql_log_count, time.perf_counter()
            load()
            if round_:
                times[name].append((time.perf_counter() - started) * 1000)
                queries[name].append(env.cr.sql_log_count - before)
    return {
        name: {"ms": statistics.median(times[name]), "queries": statistics.mode(queries[name])}
        for name in shows
    }


def _list(env, model: str, domain: list, run: int):
    """The call of a list view with the fields of its view."""
    spec, arch = _spec(env, model, "list")
    domain = _filled(domain, run)
    options = {"limit": LIST_LIMIT, "order": arch.get("default_order") or "", "count_limit": COUNT_LIMIT}
    return lambda: env[model].web_search_read(domain, spec, **options)


def _form(env, model: str, domain: list, run: int):
    """The call of a form view for the first record."""
    spec, _arch = _spec(env, model, "form")
    record = env[model].search(_filled(domain, run), limit=1)
    env.invalidate_all()
    return lambda: record.web_read(spec)


def _filled(domain: list, run: int) -> list:
    return [(name, operator, run if value == "run" else value) for name, operator, value in domain]


def _spec(env, model: str, kind: str) -> tuple:
    """What the web client reads for a view (every field in it, sublists with their own), and the view."""
    views = env[model].get_views([(False, kind)])
    infos = {name: info["fields"] for name, info in views["models"].items()}
    arch = etree.fromstring(views["views"][kind]["arch"])
    return _fields(arch, model, infos), arch


def _fields(node, model: str, infos: dict) -> dict:
    depth = node.xpath("count(ancestor::field)")
    spec = {}
    for field in node.xpath(f".//field[count(ancestor::field) = {depth}]"):
        info = infos[model].get(field.get("name"))
        if info is None:
            continue
        sublist = next(iter(field.xpath("./list|./kanban")), None)
        if info["type"] in ("one2many", "many2many"):
            inner = _fields(sublist, info["relation"], infos) if sublist is not None else {"display_name": {}}
            spec[field.get("name")] = {"fields": inner, "limit": SUBLIST_LIMIT}
        elif info["type"] == "many2one":
            spec[field.get("name")] = {"fields": {"display_name": {}}}
        else:
            spec[field.get("name")] = {}
    return spec
