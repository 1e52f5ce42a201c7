import { Component } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { formatMonetary } from "@web/views/fields/formatters";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** Open, overdue and credits per currency, each in its own. */
export class BalancesField extends Component {
    static template = "odoo_dunning.BalancesField";
    static props = standardFieldProps;

    get rows() {
        return this.props.record.data[this.props.name] || [];
    }

    get hasCredits() {
        return this.rows.some((row) => row.credits);
    }

    money(amount, row) {
        return formatMonetary(amount, { currencyId: row.currency_id });
    }
}

registry.category("fields").add("dunning_balances", { component: BalancesField, supportedTypes: ["json"] });
