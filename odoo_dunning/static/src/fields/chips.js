import { Component } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

const CLASSES = {
    danger: "text-bg-danger",
    warning: "text-bg-warning",
    info: "text-bg-info",
    muted: "text-bg-secondary",
    dark: "text-bg-dark",
};

/** What a person should know before acting, as small badges: `[{kind, label, title}]`. */
export class ChipsField extends Component {
    static template = "odoo_dunning.ChipsField";
    static props = standardFieldProps;

    get chips() {
        const chips = this.props.record.data[this.props.name] || [];
        return chips.map((chip) => ({ ...chip, className: CLASSES[chip.kind] }));
    }
}

registry.category("fields").add("dunning_chips", { component: ChipsField, supportedTypes: ["json"] });
