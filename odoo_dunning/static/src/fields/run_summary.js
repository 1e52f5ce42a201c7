import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
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

    /** One column per currency: money adds up in its own only. */
    get currencies() {
        const found = new Map();
        for (const { currency_id, currency } of this.messages.flatMap((row) => row.amounts)) {
            found.set(currency_id, { id: currency_id, name: currency });
        }
        return [...found.values()].sort((one, other) => one.name.localeCompare(other.name));
    }

    get rows() {
        return this.messages.length > 1 ? [...this.messages, this.total] : this.messages;
    }

    get total() {
        const sum = (name) => this.messages.reduce((total, row) => total + row[name], 0);
        const amounts = this.messages.flatMap((row) => row.amounts);
        return { isTotal: true, level: _t("Total"), count: sum("count"), items: sum("items"), amounts };
    }

    money(row, currency) {
        const amounts = row.amounts.filter((one) => one.currency_id === currency.id).map((one) => one.amount);
        const total = amounts.reduce((sum, amount) => sum + amount, 0);
        return amounts.length ? formatMonetary(total, { currencyId: currency.id }) : "";
    }

    openMessages(row) {
        this.open("odoo_dunning.dunning_notice_action_review", row.isTotal ? [] : [["level_id", "=", row.level_id]]);
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
