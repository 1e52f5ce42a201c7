import { Component, onWillStart, onWillUnmount, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { Many2XAutocomplete } from "@web/views/fields/relational_utils";
import { registry } from "@web/core/registry";
import { useBus, useService } from "@web/core/utils/hooks";
import { useRecordObserver } from "@web/model/relational_model/utils";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { Document } from "../fields/document";

const PAUSE_MS = 500;
const PARTS = { subject: _t("Subject"), html: _t("HTML text"), text: _t("Plain text") };

/** The text that is being typed, as a customer would get it, and what is wrong with it. */
export class TemplatePreview extends Component {
    static template = "odoo_dunning.TemplatePreview";
    static components = { Document, Many2XAutocomplete };
    static props = standardWidgetProps;

    setup() {
        this.orm = useService("orm");
        this.state = useState({ account: null, part: "html", answer: null, error: "" });
        this.timer = null;
        this.asked = 0;
        onWillStart(async () => {
            const { lang } = this.props.record.data;
            this.state.account = await this.orm.call("dunning.template", "customer_for_preview", [lang || ""]);
            await this.ask();
        });
        // Code fields tell that they were typed in; their value is fetched when it is needed.
        useBus(this.props.record.model.bus, "FIELD_IS_DIRTY", () => this.soon());
        useRecordObserver((record) => {
            this.watched = [record.data.subject, record.data.body_html, record.data.body_text, record.data.lang];
            this.soon();
        });
        onWillUnmount(() => browser.clearTimeout(this.timer));
    }

    soon() {
        browser.clearTimeout(this.timer);
        this.timer = browser.setTimeout(() => this.ask(), PAUSE_MS);
    }

    async ask() {
        const { record } = this.props;
        const proms = [];
        record.model.bus.trigger("NEED_LOCAL_CHANGES", { proms });
        await Promise.all(proms);
        const { key, lang, subject, body_html, body_text } = record.data;
        const asked = ++this.asked;
        try {
            const draft = { key, lang, subject, body_html, body_text };
            const accountId = this.state.account ? this.state.account.id : false;
            const answer = await this.orm.silent.call("dunning.template", "preview_draft", [draft, accountId]);
            if (asked === this.asked) {
                this.keep(answer);
            }
        } catch (error) {
            this.state.error = error.data?.message || error.message;
        }
    }

    /** A text with an error shows its last good picture below the error. */
    keep(answer) {
        const isBroken = answer.problems.some((problem) => problem.severity === "error");
        const { html, text, subject } = (isBroken && this.state.answer) || answer;
        this.state.answer = { ...answer, html, text, subject };
        this.state.error = "";
    }

    get problems() {
        const problems = this.state.answer?.problems || [];
        return problems.map((problem) => ({
            ...problem,
            place: _t("%(part)s, line %(line)s", { part: PARTS[problem.part] || problem.part, line: problem.line }),
        }));
    }

    get accountProps() {
        return {
            resModel: "dunning.account",
            fieldString: _t("Customer"),
            value: this.state.account ? this.state.account.display_name : "",
            activeActions: {},
            getDomain: () => [["item_count", ">", 0]],
            update: (chosen) => this.choose(chosen && chosen[0]),
            quickCreate: null,
            placeholder: _t("An invented customer"),
        };
    }

    choose(account) {
        this.state.account = account || null;
        this.ask();
    }
}

registry.category("view_widgets").add("dunning_template_preview", { component: TemplatePreview });
