import { Component } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { _t } from "@web/core/l10n/translation";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

const ICONS = { email: "fa-envelope-o", letter: "fa-file-text-o", sms: "fa-mobile", call: "fa-phone" };
const TITLES = { email: _t("Email"), letter: _t("Letter"), sms: _t("SMS"), call: _t("Call") };

/** A policy as a line of time: what leaves on which day for an invoice due today. */
export class TimelineField extends Component {
    static template = "odoo_dunning.TimelineField";
    static props = standardFieldProps;

    get steps() {
        return this.timeline.steps || [];
    }

    get timeline() {
        return this.props.record.data[this.props.name] || {};
    }

    icons(step) {
        return step.channels.map((channel) => ({ channel, icon: ICONS[channel], title: TITLES[channel] }));
    }

    offset(step) {
        if (step.days < 0) {
            return _t("%s days before", -step.days);
        }
        return step.days ? _t("%s days after", step.days) : _t("Due day");
    }
}

registry.category("fields").add("dunning_timeline", { component: TimelineField, supportedTypes: ["json"] });
