-- A copy of the database must not write to customers: stop what sends, and let go of what waits to be sent.
UPDATE ir_cron SET active = false
 WHERE id IN (SELECT res_id FROM ir_model_data WHERE module = 'odoo_dunning' AND model = 'ir.cron');
UPDATE dunning_notice SET state = 'withdrawn', note = 'Copied database'
 WHERE state IN ('ready', 'queued', 'sending', 'failed');
UPDATE dunning_ledger_write SET state = 'skipped', cause = 'Copied database' WHERE state = 'waiting';
-- Tokens change hands with every renewal: a copy that renews one would cut the original off.
UPDATE dunning_ledger_token SET answer = NULL, client_secret = NULL, webhook_key = NULL;
UPDATE dunning_ledger SET state = 'new', next_sync_at = NULL, lease_key = NULL;
