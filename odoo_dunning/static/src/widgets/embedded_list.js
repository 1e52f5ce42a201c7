import { Component, useChildSubEnv, useState } from "@odoo/owl";
import { Domain } from "@web/core/domain";
import { rpcBus } from "@web/core/network/rpc";
import { evaluateExpr } from "@web/core/py_js/py";
import { registry } from "@web/core/registry";
import { useBus, useService } from "@web/core/utils/hooks";
import { useDebounced } from "@web/core/utils/timing";
import { View } from "@web/views/view";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

/**
 * A list of its own inside a form: read page by page from the server, with search, groups and buttons, so that a
 * hundred thousand lines open as quickly as ten.
 */
export class EmbeddedList extends Component {
    static template = "odoo_dunning.EmbeddedList";
    static components = { View };
    static props = {
        ...standardWidgetProps,
        resModel: String,
        domain: String,
        context: String,
        listView: { type: [Number, Boolean], optional: true },
        searchView: { type: [Number, Boolean], optional: true },
        inDialog: { type: Boolean, optional: true },
        title: { type: String, optional: true },
        help: { type: String, optional: true },
    };

    setup() {
        this.action = useService("action");
        this.state = useState({ version: 0 });
        // The form has the focus, not the search of a list in it.
        useChildSubEnv({ config: { ...this.env.config, disableSearchBarAutofocus: true } });
        // What a button of the list did may show in the form around it.
        const reload = useDebounced(() => this.reload(), 300);
        useBus(rpcBus, "RPC:RESPONSE", ({ detail }) => {
            if (detail.data.params?.method?.startsWith("action_")) {
                reload();
            }
        });
        useBus(this.env.bus, "DUNNING:DONE", ({ detail }) => {
            if (detail.resId === this.props.record.resId) {
                this.state.version++;
            }
        });
    }

    get viewProps() {
        const values = this.props.record.evalContextWithVirtualIds;
        return {
            type: "list",
            resModel: this.props.resModel,
            domain: new Domain(this.props.domain).toList(values),
            context: evaluateExpr(this.props.context, values),
            views: [
                [this.props.listView || false, "list"],
                [this.props.searchView || false, "search"],
            ],
            searchViewId: this.props.searchView || false,
            loadIrFilters: false,
            noBreadcrumbs: true,
            display: { controlPanel: {} },
            allowSelectors: true,
            selectRecord: (resId) => this.open(resId),
            noContentHelp: this.props.help,
        };
    }

    async reload() {
        const { record } = this.props;
        if (record.resId && !record.dirty) {
            await record.load();
        }
    }

    open(resId) {
        return this.action.doAction(
            {
                type: "ir.actions.act_window",
                name: this.props.title,
                res_model: this.props.resModel,
                res_id: resId,
                views: [[false, "form"]],
                target: this.props.inDialog ? "new" : "current",
                context: this.props.resModel === "dunning.notice" ? { dialog_size: "extra-large" } : {},
            },
            { onClose: () => this.reload() }
        );
    }
}

registry.category("view_widgets").add("dunning_list", {
    component: EmbeddedList,
    extractProps: ({ attrs }) => ({
        resModel: attrs.model,
        domain: attrs.domain || "[]",
        context: attrs.context || "{}",
        listView: attrs.list_view ? Number(attrs.list_view) : false,
        searchView: attrs.search_view ? Number(attrs.search_view) : false,
        inDialog: attrs.in_dialog === "1",
        title: attrs.string,
        help: attrs.help,
    }),
});
