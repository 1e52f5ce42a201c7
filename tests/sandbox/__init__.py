"""The sandbox ledgers against what the vendors document, through the unmodified SDKs over real HTTP."""
