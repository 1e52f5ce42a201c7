import { Component, onWillStart, onWillUpdateProps, useEffect, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { KeepLast } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { listView } from "@web/views/list/list_view";
import { ListController } from "@web/views/list/list_controller";
import { Document } from "../fields/document";

/** The message beside the list. */
export class NoticePane extends Component {
    static template = "odoo_dunning.NoticePane";
    static components = { Document };
    static props = { resId: Number, version: Number, onOpen: Function };

    setup() {
        this.orm = useService("orm");
        this.keepLast = new KeepLast();
        this.state = useState({ message: {} });
        onWillStart(() => this.read(this.props.resId));
        onWillUpdateProps((next) => {
            if (next.resId !== this.props.resId || next.version !== this.props.version) {
                this.read(next.resId);
            }
        });
    }

    async read(resId) {
        this.state.message = await this.keepLast.add(this.orm.call("dunning.notice", "preview", [[resId]]));
    }
}

/** Messages on the left, the one in focus on the right: read a run from top to bottom with the arrow keys. */
export class NoticeReviewController extends ListController {
    static template = "odoo_dunning.NoticeReview";
    static components = { ...ListController.components, NoticePane };

    setup() {
        super.setup();
        this.review = useState({ resId: false, version: 0 });
        useEffect(
            (firstId) => {
                this.review.resId = firstId;
            },
            () => [this.records[0]?.resId || false]
        );
    }

    get records() {
        return this.model.isReady && this.model.root ? recordsIn(this.model.root) : [];
    }

    async openRecord(record) {
        this.review.resId = record.resId;
    }

    onFocusin(ev) {
        const row = ev.target.closest?.("tr.o_data_row");
        const record = row && this.records.find((one) => one.id === row.dataset.id);
        if (record) {
            this.review.resId = record.resId;
        }
    }

    openForm() {
        return this.actionService.doAction(
            {
                type: "ir.actions.act_window",
                name: _t("Message"),
                res_model: "dunning.notice",
                res_id: this.review.resId,
                views: [[false, "form"]],
                target: "new",
                context: { dialog_size: "extra-large" },
            },
            {
                onClose: async () => {
                    await this.model.load();
                    this.review.version++;
                },
            }
        );
    }
}

function recordsIn(list) {
    return list.groups ? list.groups.flatMap((group) => (group.list ? recordsIn(group.list) : [])) : list.records;
}

registry.category("views").add("dunning_notice_review", { ...listView, Controller: NoticeReviewController });
