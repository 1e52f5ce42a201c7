import { Component, onWillStart, onWillUpdateProps, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { formatMonetary } from "@web/views/fields/formatters";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

/** What a run made now would answer for each open item of a customer, and why. */
export class WhatToday extends Component {
    static template = "odoo_dunning.WhatToday";
    static props = standardWidgetProps;

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.state = useState({ rows: [] });
        onWillStart(() => this.ask(this.props));
        onWillUpdateProps((nextProps) => this.ask(nextProps));
    }

    async ask({ record }) {
        if (record.resId) {
            this.state.rows = await this.orm.call("dunning.account", "what_today", [[record.resId]]);
        }
    }

    money(row) {
        return formatMonetary(row.amount, { currencyId: row.currency_id });
    }

    open(row) {
        this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "dunning.item",
            res_id: row.item_id,
            views: [[false, "form"]],
        });
    }
}

registry.category("view_widgets").add("dunning_what_today", { component: WhatToday });
