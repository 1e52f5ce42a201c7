import { Component, onWillUnmount, useEffect } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { evaluateBooleanExpr } from "@web/core/py_js/py";
import { registry } from "@web/core/registry";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

const PAUSE_MS = 2000;

/** Reads the record again every two seconds while something is going on in the background. */
export class Reload extends Component {
    static template = "odoo_dunning.Reload";
    static props = { ...standardWidgetProps, while: String };

    setup() {
        this.timer = null;
        useEffect(
            () => this.next(),
            () => [this.isGoing, this.props.record.resId]
        );
        onWillUnmount(() => browser.clearTimeout(this.timer));
    }

    get isGoing() {
        return evaluateBooleanExpr(this.props.while, this.props.record.evalContextWithVirtualIds);
    }

    next() {
        browser.clearTimeout(this.timer);
        if (this.isGoing) {
            this.timer = browser.setTimeout(() => this.read(), PAUSE_MS);
        }
    }

    async read() {
        const { record } = this.props;
        if (!record.dirty && !document.hidden) {
            await record.load();
            if (!this.isGoing) {
                this.env.bus.trigger("DUNNING:DONE", { resModel: record.resModel, resId: record.resId });
            }
        }
        this.next();
    }
}

registry.category("view_widgets").add("dunning_reload", {
    component: Reload,
    extractProps: ({ attrs }) => ({ while: attrs.while }),
});
