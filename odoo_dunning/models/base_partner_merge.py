from odoo import api, models


class MergePartnerAutomatic(models.TransientModel):
    """Merging contacts would delete an account of Collections wherever both have one."""

    _inherit = "base.partner.merge.automatic.wizard"

    @api.model
    def _update_foreign_keys(self, src_partners, dst_partner):
        """Override to make one account of those of both."""
        self.env["dunning.account"]._merge_partners(src_partners, dst_partner)
        return super()._update_foreign_keys(src_partners, dst_partner)

    @api.model
    def _update_values(self, src_partners, dst_partner):
        """Override: that the address of the one bounced says nothing about the address that stays."""
        address, bounced_at = dst_partner.email, dst_partner.dunning_bounced_at
        res = super()._update_values(src_partners, dst_partner)
        if address:
            dst_partner.dunning_bounced_at = bounced_at
        return res
