from . import test_ledger_connect
from . import test_item_projection
from . import test_item_external
