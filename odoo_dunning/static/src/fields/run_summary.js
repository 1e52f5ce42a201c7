import { Component } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatMonetary } from "@web/views/fields/formatters";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** What a run sends, by level, channel and currency, and what it leaves out, by reason. */
export class RunSummaryField extends Component {
    static template = "odoo_dunning.RunSummaryField";
    static props = standardFieldProps;

    setup() {
        this.action = useService("action");
    }

    get summary() {
        return this.props.record.data[this.props.name] || {};
    }

    get messages() {
        return this.summary.messages || [];
    }

    get left() {
        return this.summary.left || [];
    }

    /** Money adds up per currency only. */
    get totals() {
        const totals = {};
        for (const row of this.messages) {
            totals[row.currency_id] ??= { currency_id: row.currency_id, count: 0, items: 0, amount: 0 };
            totals[row.currency_id].count += row.count;
            totals[row.currency_id].items += row.items;
            totals[row.currency_id].amount += row.amount;
        }
        return Object.values(totals);
    }

    money(row) {
        return formatMonetary(row.amount, { currencyId: row.currency_id });
    }

    openMessages(row) {
        const domain = [["level_id", "=", row.level_id], ["currency_id", "=", row.currency_id]];
        this.open("odoo_dunning.dunning_notice_action_review", domain);
    }

    openLeft(row) {
        this.open("odoo_dunning.dunning_run_line_action_of_run", [["reason_code", "=", row.code]]);
    }

    open(action, domain) {
        const runId = this.props.record.resId;
        this.action.doAction(action, {
            additionalContext: { active_id: runId, active_ids: [runId], active_model: "dunning.run" },
            props: { domain: [["run_id", "=", runId], ...domain] },
        });
    }
}

registry.category("fields").add("dunning_run_summary", { component: RunSummaryField, supportedTypes: ["json"] });
