import { Component, onWillStart, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useBus, useService } from "@web/core/utils/hooks";
import { listView } from "@web/views/list/list_view";
import { ListRenderer } from "@web/views/list/list_renderer";

/** What needs somebody this morning: each figure is a filter of the list below. */
export class WorklistHead extends Component {
    static template = "odoo_dunning.WorklistHead";
    static props = { list: Object };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.state = useState({ figures: [] });
        onWillStart(() => this.count());
        useBus(this.props.list.model.bus, "update", () => this.count());
    }

    async count() {
        this.state.figures = await this.orm.call("dunning.account", "worklist_figures", []);
    }

    isActive(figure) {
        return this.env.searchModel.getSearchItems((item) => item.name === figure.filter && item.isActive).length > 0;
    }

    /** Show just these, of everybody. */
    async choose(figure) {
        if (figure.method) {
            return this.action.doAction(await this.orm.call("dunning.item", figure.method, []));
        }
        const { searchModel } = this.env;
        const [filter] = searchModel.getSearchItems((item) => item.name === figure.filter);
        searchModel.query = [];
        searchModel.toggleSearchItem(filter.id);
    }
}

export class WorklistRenderer extends ListRenderer {
    static template = "odoo_dunning.WorklistRenderer";
    static components = { ...ListRenderer.components, WorklistHead };
}

registry.category("views").add("dunning_worklist", { ...listView, Renderer: WorklistRenderer });
