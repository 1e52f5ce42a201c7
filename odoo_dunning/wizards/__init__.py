from . import dunning_ledger_organisation, dunning_ledger_worker
