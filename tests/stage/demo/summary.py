"""What the demo did, read back from Odoo: figures for people and for the closing JSON line."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from tests.stage.demo.office import Office


@dataclass
class Figures:
    """`in_messages`: (origin, level, currency) -> [items, amount, ids of their notices]; `left_out`: reason code ->
    items; `notices`: (channel, state) -> messages; `decimals`: currency -> digits; `words`: code -> Odoo's word for it.
    """

    in_messages: dict[tuple[str, str, str], list] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    notices: dict[tuple[str, str], int] = field(default_factory=dict)
    decimals: dict[str, int] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)


def of_run(office: Office, run_id: int) -> Figures:
    figures = Figures()
    lines = office.read(
        "dunning.run.line",
        [("run_id", "=", run_id)],
        ["decision", "origin", "level_id", "currency_id", "amount_open", "reason_code", "notice_id"],
    )
    left_out: dict[str, int] = defaultdict(int)
    sent: dict[tuple[str, str, str], list] = defaultdict(lambda: [0, Decimal(0), set()])
    for line in lines:
        if line["decision"] == "notify":
            cell = sent[line["origin"], line["level_id"][1], line["currency_id"][1]]
            cell[0] += 1
            cell[1] += Decimal(str(line["amount_open"]))
            cell[2].add(line["notice_id"] and line["notice_id"][0])
        else:
            left_out[line["reason_code"]] += 1
    figures.in_messages = dict(sorted(sent.items()))
    figures.left_out = dict(sorted(left_out.items(), key=lambda pair: -pair[1]))
    figures.notices = {
        (row["channel"], row["state"]): row["__count"]
        for row in office.groups(
            "dunning.notice", [("run_id", "=", run_id)], ["channel", "state"], ["__count"]
        )
    }
    figures.decimals = {
        row["name"]: row["decimal_places"]
        for row in office.read("res.currency", [], ["name", "decimal_places"])
    }
    for model, names in (
        ("dunning.run.line", ["origin", "reason_code"]),
        ("dunning.notice", ["channel", "state"]),
    ):
        for described in office.call(model, "fields_get", names, ["selection"]).values():
            figures.words.update(described["selection"])
    return figures


def reasons_given(office: Office) -> set[str]:
    """Every reason that stands in a run of any company."""
    companies = [row["id"] for row in office.read("res.company", [], ["id"])]
    rows = office.groups(
        "dunning.run.line", [], ["reason_code"], ["__count"], context={"allowed_company_ids": companies}
    )
    return {row["reason_code"] for row in rows}


def show(figures: Figures) -> None:
    """Print the table an accountant would want to see first."""
    print("\nIn messages")
    print(f"  {'origin':<12}{'level':<22}{'currency':<10}{'items':>7}{'amount':>18}{'messages':>10}")
    for (origin, level, currency), (count, amount, notices) in figures.in_messages.items():
        shown = f"{amount:,.{figures.decimals[currency]}f}"
        origin_name = figures.words[origin]
        print(f"  {origin_name:<12}{level:<22}{currency:<10}{count:>7}{shown:>18}{len(notices):>10}")
    print("\nLeft out, and why")
    for reason, count in figures.left_out.items():
        print(f"  {figures.words[reason]:<44}{count:>7}")
    said = ", ".join(
        f"{count} {figures.words[state].lower()} by {figures.words[channel].lower()}"
        for (channel, state), count in sorted(figures.notices.items())
    )
    total = sum(figures.notices.values())
    print(
        f"\nMessages: {total} ({said or 'none'}); one that lists items of several origins counts in each line above"
    )
