from odoo import fields, models

from ..engine import recipients
from .dunning_notice import NOT_WRITTEN


class DunningNotice(models.Model):
    """A message of a proposal that a person sends at another level."""

    _inherit = "dunning.notice"

    def _take_level(self, level, look):
        """It goes by the channels of the level, with its time to pay, but for what a person typed. Where nobody can be
        reached by them, it goes as it did."""
        vals = {"level_id": level.id, "level_rank": level.rank}
        if not self.is_deadline_typed:
            day = look.deadline(level, look.local_date(self.send_at or fields.Datetime.now()))
            vals.update(deadline_date=day, is_deadline_typed=False)
        self._all_channels().write(vals)
        chosen = recipients.choose(level._to_engine(), look.account, look.ruling.language)
        if chosen.deliveries:
            self._go_by(chosen.deliveries)

    def _go_by(self, deliveries):
        """Change channels and recipients. The message carries the lines, so it takes one of the channels itself."""
        wanted = [one.channel for one in deliveries]
        twins = self._all_channels() - self
        if self.channel in wanted:
            twins.filtered(lambda one: one.channel not in wanted).unlink()
        else:
            twins.unlink()
            self.channel = wanted[0]
        by_channel = {one.channel: one for one in self._all_channels()}
        for one in deliveries:
            known = by_channel.get(one.channel)
            if known is None:
                self._add_twin(one)
            elif known.partner_id.id != one.contact_id and not known.is_address_typed:
                known.write({"partner_id": one.contact_id})

    def _add_twin(self, delivery):
        """The same message by one channel more."""
        contact = self.env["res.partner"].browse(delivery.contact_id)
        return self.copy(
            {
                "main_id": self.id,
                "channel": delivery.channel,
                "partner_id": contact.id,
                "email_to": contact.email,
                "lang": delivery.language,
                "is_deadline_typed": self.is_deadline_typed,
                **NOT_WRITTEN,
            }
        )
