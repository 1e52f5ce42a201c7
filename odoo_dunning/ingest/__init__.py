"""How a delivery of ledger records becomes rows here: in bulk, once, and one bad record never costs the others."""
