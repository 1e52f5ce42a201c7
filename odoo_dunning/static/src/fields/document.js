import { Component } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** A whole HTML document as a mail client would show it; nothing in it can run or reach the page around it. */
export class Document extends Component {
    static template = "odoo_dunning.Document";
    static props = { html: String, className: { type: String, optional: true } };
}

export class DocumentField extends Component {
    static template = "odoo_dunning.DocumentField";
    static components = { Document };
    static props = standardFieldProps;

    get html() {
        return this.props.record.data[this.props.name] || "";
    }
}

registry.category("fields").add("dunning_document", { component: DocumentField, supportedTypes: ["text", "html"] });
