"""`python -m dunning_connectors.sandbox quickbooks|xero`: run a sandbox ledger until Ctrl-C."""

import argparse
import sys
from datetime import date

from .limits import Limits
from .oauth import CLIENT_ID, CLIENT_SECRET
from .server import SKINS, serve


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="dunning-sandbox", description="A local ledger to try the connectors on."
    )
    parser.add_argument("vendor", choices=sorted(SKINS))
    parser.add_argument("--port", type=int, default=0, help="default: any free port")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same books")
    parser.add_argument("--today", type=date.fromisoformat, help="first day of the books; default: today")
    parser.add_argument(
        "--scale", type=float, default=1, help="size of the portfolio; 1 is about 180 customers"
    )
    parser.add_argument(
        "--consent", choices=("auto", "page", "deny"), default="page", help="the consent page"
    )
    parser.add_argument(
        "--vendor-limits", action="store_true", help="enforce the vendor's documented rate limits"
    )
    chosen = parser.parse_args(arguments)
    try:
        serve(
            chosen.vendor,
            port=chosen.port,
            host=chosen.host,
            seed=chosen.seed,
            today=chosen.today,
            scale=chosen.scale,
            limits=Limits.of(chosen.vendor) if chosen.vendor_limits else None,
            consent=chosen.consent,
            ready=_announce,
        )
    except OSError as error:
        sys.exit(
            f"Port {chosen.port} on {chosen.host} cannot be used ({error.strerror}); choose another with --port."
        )


def _announce(sandbox):
    main_company = sandbox.company
    print(f"{sandbox.vendor} sandbox on {sandbox.base_url} (Ctrl-C stops it)")
    print(f"  client id {CLIENT_ID}, client secret {CLIENT_SECRET}")
    for company in sandbox.companies:
        print(f"  {company.id}  {company.name}  {'sandbox' if company.demo else 'production'}")
    for name, url in sandbox.urls.items():
        print(f"  {name:18}{url}")
    print(f"  {len(main_company.customers)} customers, {len(main_company.invoices)} invoices", flush=True)


if __name__ == "__main__":
    main()
