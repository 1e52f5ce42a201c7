from . import test_ledger_connect
from . import test_item_projection
from . import test_item_external
from . import test_run
from . import test_outbox
from . import test_ledger_ingest
from . import test_ledger_customers
