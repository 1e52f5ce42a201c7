import { useEffect } from "@odoo/owl";
import { CodeEditor } from "@web/core/code_editor/code_editor";
import { registry } from "@web/core/registry";
import { AceField, aceField } from "@web/views/fields/ace/ace_field";

/** Texts have long lines: they wrap. */
class WrappingEditor extends CodeEditor {
    setup() {
        super.setup();
        useEffect(() => this.aceEditor?.getSession().setUseWrapMode(true));
    }
}

export class SourceField extends AceField {
    static components = { ...AceField.components, CodeEditor: WrappingEditor };
}

registry.category("fields").add("dunning_source", { ...aceField, component: SourceField });
