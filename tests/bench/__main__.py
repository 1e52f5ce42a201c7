"""`make bench`: ours beside its yardsticks, in one run, on the same databases of this machine.

    python3 -m tests.stage bench                     everything but the long crash set (about half an hour)
    python3 -m tests.stage bench --quick             the OCA's module on 10,000 items, scaled up and said so; no million
    python3 -m tests.stage bench --only propose,mails
    python3 -m tests.stage bench --keep              on the databases of the last run
    python3 -m tests.stage bench --crash             kill a worker at every moment between approve and done
    python3 -m tests.stage bench --walk              10,000 random changes in each sandbox ledger, faults and crashes
    python3 -m tests.stage bench --fuzz              100,000 malformed payloads through mappings and webhooks

Ends with status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from datetime import datetime, timezone

from tests.bench import report, seed
from tests.bench.report import Row
from tests.stage import cache, checkout, inside, oca, odoo, postgres, progress

HUNDRED_THOUSAND, TEN_THOUSAND, MILLION = 100_000, 10_000, 1_000_000
MAILS = 5_000
SCREENS_BESIDE = {"worklist", "receivables", "lines of a proposal", "messages of a proposal", "account form"}


def main() -> int:
    options = _options()
    for is_wanted, run in ((options.crash, _crash), (options.walk, _walk), (options.fuzz, _fuzz)):
        if is_wanted:
            return run()
    print(f"On {report.machine()}")
    rows: list[Row] = []
    kept: dict = {}
    try:
        for name, section in SECTIONS.items():
            if name in options.only:
                rows += section(options, kept)
                report.show(rows)
                print(flush=True)
    finally:
        print(f"On {report.machine()} at the end")
        _keep(rows)
    missed = [row.work for row in rows if row.is_met is False]
    judged = sum(row.is_met is not None for row in rows)
    print(f"{len(missed)} of {judged} targets missed", *missed, sep="\n  ")
    return 1 if missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="the OCA on 10,000 items, scaled; no million items"
    )
    parser.add_argument("--only", default=",".join(SECTIONS), help=f"some of {','.join(SECTIONS)}")
    parser.add_argument("--keep", action="store_true", help="measure on the databases of the last run")
    parser.add_argument("--crash", action="store_true", help="only: kill a worker at every moment")
    parser.add_argument("--walk", action="store_true", help="only: the long random walk of the connectors")
    parser.add_argument("--fuzz", action="store_true", help="only: malformed payloads, many of them")
    options = parser.parse_args()
    options.only = options.only.split(",")
    return options


def _keep(rows: list[Row]) -> None:
    """A copy for whoever wants to compare runs."""
    path = cache.root() / "log" / "bench.json"
    told = {"at": datetime.now(timezone.utc).isoformat(), "machine": report.machine()}
    told["rows"] = [{**vars(row), "met": row.is_met} for row in rows]
    path.write_text(json.dumps(told, indent=1))
    print(f"Kept in {path}")


def _crash() -> int:
    """Every moment between approve and done."""
    return _pytest("tests/crash", {"DUNNING_CRASH": "all"})


def _walk() -> int:
    """A long random life of each ledger. `DUNNING_WALK_SEED` repeats one, `DUNNING_WALK_CHANGES` sets its length."""
    return _pytest("tests/connectors/test_random_walk.py", {"DUNNING_WALK_CHANGES": "10000"})


def _fuzz() -> int:
    """Malformed payloads by the hundred thousand. `DUNNING_FUZZ_CASES` sets how many, `DUNNING_FUZZ_SEED` which."""
    return _pytest("tests/connectors/test_fuzz.py", {"DUNNING_FUZZ_CASES": "100000"})


def _pytest(path: str, defaults: dict[str, str]) -> int:
    return subprocess.run(
        [sys.executable, "-m", "pytest", path, "-q", "-s", "-p", "no:cacheprovider"],
        cwd=checkout.ROOT,
        env={**defaults, **odoo.environment()},
    ).returncode


def _call(database: str, target: str, **arguments):
    """Run a measurement inside Odoo on a database that has the OCA's module too. What the one before has left behind is
    cleared up first: the database would do it in the middle of this one."""
    postgres.vacuum(database)
    with progress.step(f"{target.partition(':')[2]} on {database}"):
        return inside.call(database, f"tests.bench.{target}", addons=[oca.addons()], **arguments)


def _database(items: int, options, kept: dict) -> str:
    """A database of that size with our addon and the OCA's module; fresh for this run of the bench, unless `--keep`."""
    name = f"bench_{items}"
    if name not in kept:
        kept[name] = None
        if not (options.keep and postgres.exists(name)):
            seed.with_modules(seed.books(items), name, seed.OWN_MODULES + seed.YARDSTICK_MODULES)
            kept[name] = _call(name, "propose:project")
    return name


# --- Sections ---------------------------------------------------------------------------------------------------------


def propose(options, kept) -> list[Row]:
    """100,000 items: bare SQL, ours, the OCA, ours: a machine that grows slower meanwhile does so for both."""
    database = _database(HUNDRED_THOUSAND, options, kept)
    bound = _call(database, "propose:bound")
    before = _call(database, "propose:ours")
    bound_again = _call(database, "propose:bound")
    oca_items = TEN_THOUSAND if options.quick else HUNDRED_THOUSAND
    theirs = _call(_database(oca_items, options, kept), "propose:oca")
    kept["ours"] = _call(database, "propose:ours")
    ours = _between(before, kept["ours"])
    scale = HUNDRED_THOUSAND / oca_items
    scaled = f" × {scale:g} (measured on {oca_items:,})" if options.quick else ""
    bare, keyed = (min(one[kind] for one in (bound, bound_again)) for kind in ("bare_seconds", "seconds"))
    first = kept[database] or {"seconds": 0.0}
    return [
        Row(
            "propose 100,000 items: OCA account_credit_control",
            f"{theirs['seconds']:.1f} s{scaled}, {theirs['queries']:,} queries, {theirs['lines']:,} lines, "
            f"+{theirs['peak_mb']:.0f} MB",
            f"{ours['seconds']:.2f} s, {ours['queries']:,} queries, {ours['lines']:,} lines, "
            f"{ours['messages']:,} messages",
            theirs["seconds"] * scale / ours["seconds"],
            "≥",
            60,
        ),
        Row(
            "… in processor seconds, which other work does not stretch",
            f"{theirs['cpu_seconds'] * scale:.1f} s",
            f"{ours['cpu_seconds']:.2f} s",
            theirs["cpu_seconds"] * scale / ours["cpu_seconds"],
        ),
        Row(
            "… bare SQL, kept in a table without keys",
            f"{bare:.2f} s",
            f"{ours['seconds']:.2f} s",
            ours["seconds"] / bare,
            "≤",
            5,
        ),
        Row(
            "… bare SQL, kept under the keys of a run line",
            f"{keyed:.2f} s",
            f"{ours['seconds']:.2f} s",
            ours["seconds"] / keyed,
        ),
        Row(
            "… memory above idle",
            f"+{theirs['peak_mb']:.0f} MB",
            f"+{ours['peak_mb']:.0f} MB",
            ours["peak_mb"],
            "≤",
            150,
            "MB",
        ),
        Row("first projection of 100,000 receivables (once)", "", f"{first['seconds']:.1f} s"),
    ]


def _between(before: dict, after: dict) -> dict:
    """What was measured before and after the other side: times halfway, the rest as at first."""
    times = {name: (before[name] + after[name]) / 2 for name in ("seconds", "cpu_seconds")}
    return {**before, **times, "peak_mb": max(before["peak_mb"], after["peak_mb"])}


def million(options, kept) -> list[Row]:
    """Ten times the items: the same cost per item, the same memory."""
    if options.quick:
        return []
    database = _database(MILLION, options, kept)
    smaller = _database(HUNDRED_THOUSAND, options, kept)
    before = kept.get("ours") or _call(smaller, "propose:ours")
    large = _call(database, "propose:ours", repeat=2)
    ours = _between(before, _call(smaller, "propose:ours"))
    return [
        Row(
            "propose 1,000,000 items, against ten times fewer",
            f"{ours['seconds']:.2f} s",
            f"{large['seconds']:.2f} s, {large['queries']:,} queries",
            large["seconds"] / ours["seconds"],
            "≤",
            11,
        ),
        Row(
            "… in processor seconds",
            f"{ours['cpu_seconds']:.2f} s",
            f"{large['cpu_seconds']:.2f} s",
            large["cpu_seconds"] / ours["cpu_seconds"],
        ),
        Row("… memory above idle", "", f"+{large['peak_mb']:.0f} MB", large["peak_mb"], "≤", 150, "MB"),
    ]


def interest(options, kept) -> list[Row]:
    """100,000 items, each paid in part twice: the proposal with interest on every item against the one without."""
    database = "bench_interest"
    if not (options.keep and postgres.exists(database)):
        items = TEN_THOUSAND if options.quick else HUNDRED_THOUSAND
        seed.with_modules(seed.books(items), database, seed.OWN_MODULES)
        _call(database, "interest:pay_in_part")
    found = _call(database, "interest:compare", rounds=3)
    claimed = f"{found['claims']:,} claims over {found['segments']:.1f} balances each"
    return [
        Row(
            f"propose {found['lines']:,} items with interest, against without",
            f"{found['without_seconds']:.2f} s",
            f"{found['with_seconds']:.2f} s, {claimed}",
            found["with_seconds"] / found["without_seconds"],
            "≤",
            1.3,
        ),
        Row(
            "… in processor seconds",
            f"{found['without_cpu_seconds']:.2f} s",
            f"{found['with_cpu_seconds']:.2f} s",
            found["with_cpu_seconds"] / found["without_cpu_seconds"],
        ),
    ]


def mails(options, kept) -> list[Row]:
    """5,000 approved messages into the mail queue."""
    database = _database(HUNDRED_THOUSAND, options, kept)
    ready = _call(database, "mails:make_ready", count=MAILS)
    theirs = _call(database, "mails:odoo_batch", ids=ready["ids"])
    ours = _call(database, "mails:ours", run=ready["run"])
    rates = [one["mails"] / one["seconds"] for one in (theirs, ours)]
    return [
        Row(
            f"{MAILS:,} messages into the mail queue: Odoo send_mail_batch",
            f"{rates[0]:.0f}/s ({theirs['mails']:,} mails, {theirs['queries']:,} queries)",
            f"{rates[1]:.0f}/s ({ours['mails']:,} mails, {ours['queries']:,} queries)",
            rates[1] / rates[0],
            "≥",
            2,
        ),
        Row(
            "… in processor seconds",
            f"{theirs['cpu_seconds']:.1f} s",
            f"{ours['cpu_seconds']:.1f} s",
            theirs["cpu_seconds"] / ours["cpu_seconds"],
        ),
    ]


def screens(options, kept) -> list[Row]:
    """Opened on 10,000 and on 100,000 items: the same queries, and no slower than Odoo's invoice list."""
    small = _call(_database(TEN_THOUSAND, options, kept), "screens:open_all")
    large = _call(_database(HUNDRED_THOUSAND, options, kept), "screens:open_all")
    yardstick = large["Odoo's invoice list"]
    rows = []
    for name, one in large.items():
        has_target = name in SCREENS_BESIDE
        rows.append(
            Row(
                f"open: {name}",
                f"{yardstick['ms']:.0f} ms, {yardstick['queries']} queries",
                f"{one['ms']:.0f} ms, {one['queries']} queries",
                one["ms"] / yardstick["ms"],
                "≤" if has_target else "",
                1.0 if has_target else None,
            )
        )
        more = one["queries"] - small[name]["queries"]
        rows.append(Row("… more queries than on 10,000 items", "", f"{more}", more, "≤", 0, ""))
    return rows


def posting(options, kept) -> list[Row]:
    """Posting and paying Odoo invoices with the addon and without, on copies of one database."""
    with_, without, again = "bench_post_with", "bench_post_without", "bench_post_again"
    seed.with_modules(seed.books(TEN_THOUSAND), with_, seed.OWN_MODULES)
    for copy in (without, again):
        odoo.copy_database(seed.books(TEN_THOUSAND), copy)
    _call(with_, "propose:project")
    for database in (without, again):
        postgres.vacuum(database)
    rows = []
    rounds = 10 if options.quick else 30
    found = _call(with_, "posting:compare", without=without, again=again, rounds=rounds)
    for work, kinds in found.items():
        clock, cpu = kinds["seconds"], kinds["cpu_seconds"]
        half = f"half of them {cpu['quarter']:.3f}–{cpu['three_quarters']:.3f}"
        rows.append(
            Row(
                f"{work}, addon against none (processor time)",
                f"{cpu['without_ms']:.1f} ms an invoice",
                f"{cpu['with_ms']:.1f} ms; {half}",
                cpu["ratio"],
                "≤",
                1.03,
            )
        )
        rows.append(Row("… none against none, the same way", "", "", cpu["control"]))
        rows.append(
            Row(
                "… by the clock",
                f"{clock['without_ms']:.1f} ms",
                f"{clock['with_ms']:.1f} ms",
                clock["ratio"],
            )
        )
    return rows


def jobs(options, kept) -> list[Row]:
    """The slices of a proposal on three workers of the OCA's job queue, against one process."""
    from tests.parallel import job_queue

    database = f"bench_jobs_{os.getpid()}"
    seed.with_modules(
        seed.books(TEN_THOUSAND if options.quick else HUNDRED_THOUSAND),
        database,
        (*seed.OWN_MODULES, "queue_job"),
    )
    try:
        inside.call(database, "tests.bench.propose:project", addons=[oca.addons()])
        postgres.vacuum(database)
        with progress.step("A proposal in one process and by jobs"):
            found = job_queue.measure(database, rounds=1 if options.quick else 5)
    finally:
        odoo.drop_database(database)
    alone, jobs_ = statistics.median(found["one_process"]), statistics.median(found["jobs"])
    same = "the same result" if found["is_same"] else "ANOTHER RESULT"
    return [
        Row(
            "propose by queue_job on 3 workers, against one process",
            f"{alone:.2f} s",
            f"{jobs_:.2f} s, {same}",
            statistics.median(a / b for a, b in zip(found["one_process"], found["jobs"], strict=True)),
            "≥",
            1.0,
        )
    ]


def engine(options, kept) -> list[Row]:
    """The decision alone, without a database."""
    done = subprocess.run(
        [sys.executable, "tests/bench/engine_decide.py"],
        cwd=checkout.ROOT,
        env=odoo.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return [
        Row(f"decide alone: {line.split()[0]}", "", line.partition(":")[2].strip())
        for line in done.stdout.splitlines()
    ]


def ingest(options, kept) -> list[Row]:
    """100,000 documents of a foreign ledger, beside as many invoices of Odoo's own, and what they cost the vendor."""
    from tests.bench import ingest as measured

    documents, invoices = (20_000, 500) if options.quick else (HUNDRED_THOUSAND, 2_000)
    plain, database = "bench_ingest_without", "bench_ingest"
    odoo.copy_database(seed.books(TEN_THOUSAND), plain)
    seed.with_modules(seed.books(TEN_THOUSAND), database, seed.OWN_MODULES)
    with measured.key():
        theirs = _call(plain, "ingest:odoo_invoices", count=invoices)
        small = _call(database, "ingest:in_process", name="Small", documents=documents // 5)
        ours = _call(database, "ingest:in_process", name="Ours", documents=documents)
        with progress.step(f"{documents:,} documents over JSON-2"):
            remote = measured.over_json2(database, documents)
    return measured.rows(theirs, small, ours, remote) + measured.call_rows(
        (1, 2) if options.quick else (1, 5)
    )


SECTIONS = {
    "propose": propose,
    "million": million,
    "interest": interest,
    "mails": mails,
    "screens": screens,
    "posting": posting,
    "jobs": jobs,
    "engine": engine,
    "ingest": ingest,
}

if __name__ == "__main__":
    with postgres.running():
        sys.exit(main())
