from . import dunning_ledger_organisation
