import uuid

import psycopg2.errors
from odoo import fields, models
from odoo.tools import SQL

from ..bulk import snapshot
from ..bulk.proposal import Proposal


class DunningRun(models.Model):
    """Where the OCA's queue_job is installed, a proposal is worked out by its workers.

    Every slice of accounts is a job, on as many Odoo processes and machines as the channels allow. The scheduled action
    prepares, hands out and looks after them. The system parameter `odoo_dunning.use_job_queue` set to 0 keeps
    everything in the scheduled action.
    """

    _inherit = "dunning.run"

    job_key = fields.Char(
        readonly=True,
        copy=False,
        help="Names the jobs of the proposal under way.",
        string="Key of the proposal",
    )

    def _has_job_queue(self):
        wanted = self.env["ir.config_parameter"].sudo().get_param("odoo_dunning.use_job_queue", "1")
        return "queue.job" in self.env and wanted != "0"

    def _start_proposing(self):
        res = super()._start_proposing()
        self.sudo().job_key = False
        return res

    def _propose_committing(self, commit):
        """Override: hand the slices out, once; from then on only look whether their jobs are still at work."""
        if not self._has_job_queue():
            return super()._propose_committing(commit)
        if not self.try_lock_for_update() or not self.is_proposing:
            return None
        if not self.job_key:
            self._prepare_proposal()
            self._hand_out_slices()
        elif self._has_lost_job():
            self._give_up_jobs()
        return commit(1)

    def _hand_out_slices(self):
        """A job for every slice, side by side, and one that finishes when all are done."""
        from odoo.addons.queue_job.delay import group

        self.sudo().job_key = f"dunning-{self.id}-{uuid.uuid4().hex}"
        slices = [
            self._job("decide", after_id)._job_decide(self.job_key, after_id, up_to_id)
            for after_id, up_to_id in snapshot.slices(self.env, self.company_id)
        ]
        finish = self._job("finish")._job_finish(self.job_key)
        if not slices:
            finish.delay()
        else:
            group(*slices).on_done(finish).delay()

    def _job(self, *names):
        """A job to be: known by the key of the proposal, in the channel an administrator may give a capacity to."""
        key = "-".join(map(str, (self.job_key, *names)))
        return self.sudo().delayable(
            identity_key=key, description=f"{self.name}: {' '.join(map(str, names))}"
        )

    def _job_decide(self, job_key, after_id, up_to_id):
        """Job: decide the accounts after `after_id` up to `up_to_id`, all or nothing."""
        if not self._is_still_wanted(job_key):
            return
        proposal = Proposal(self.sudo())
        count = 1
        try:
            while count:
                after_id, count = proposal.decide_slice(after_id, up_to_id)
        except psycopg2.errors.UniqueViolation as error:
            # Another run, or a person, took one of the items meanwhile: decide again on what is now.
            from odoo.addons.queue_job.exception import RetryableJobError

            raise RetryableJobError("An item was taken meanwhile", seconds=1) from error

    def _job_finish(self, job_key):
        """Job: all slices are decided."""
        if self._is_still_wanted(job_key):
            self.sudo().account_done_count = self.account_count
            self._finish_proposal()
            self.sudo().job_key = False
            self.env.ref("odoo_dunning.cron_propose").sudo()._trigger()

    def _is_still_wanted(self, job_key):
        """Whether this proposal is still under way. Until the job ends nobody can cancel it or start it anew: they wait
        for the row, which jobs share."""
        rows = self.env.execute_query(
            SQL(
                "SELECT id FROM dunning_run WHERE id = %s AND is_proposing AND job_key = %s FOR SHARE",
                self.id,
                job_key,
            )
        )
        return bool(rows)

    def _jobs(self):
        return self.env["queue.job"].sudo().search([("identity_key", "=like", f"{self.job_key}-%")])

    def _has_lost_job(self):
        """Whether a job gave up, was cancelled or deleted: the rest would wait for it for ever."""
        jobs = self._jobs()
        return not jobs or any(job.state in ("failed", "cancelled") for job in jobs)

    def _give_up_jobs(self):
        self._jobs().filtered(lambda job: job.state not in ("done", "cancelled")).button_cancelled()
        self._forget_proposal()
        self.sudo().write(
            {
                "is_proposing": False,
                "job_key": False,
                "error": self.env._("A job of the proposal failed; see the job queue. Propose it again."),
            }
        )

    def _compute_progress_pct(self):
        """Override: jobs at work are counted; if they wrote on the run, they would wait for each other."""
        by_jobs = self.filtered(lambda run: run.job_key and run._has_job_queue())
        for run in by_jobs:
            jobs = run._jobs()
            run.progress_pct = 100.0 * len(jobs.filtered(lambda job: job.state == "done")) / (len(jobs) or 1)
        return super(DunningRun, self - by_jobs)._compute_progress_pct()
