from . import dunning_ledger_organisation
from . import dunning_ledger_worker
