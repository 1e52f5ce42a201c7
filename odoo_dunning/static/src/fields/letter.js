import { Component, onWillUnmount, useRef, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useBus } from "@web/core/utils/hooks";
import { useRecordObserver } from "@web/model/relational_model/utils";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

// Sums, days and accounts stand in tables of their own: they are facts, not wording.
const FACTS = "table:not(:has(p, h1))";
const FIXED = "contenteditable";

/**
 * A message written where it is read: the whole document as the customer sees it, its sentences open for typing. No
 * script in it can run. Some browsers call no listener in such a document either, so that what is typed is noticed by
 * an observer, and taken over at the latest when the record is saved or the page left.
 */
export class LetterField extends Component {
    static template = "odoo_dunning.LetterField";
    static props = standardFieldProps;

    setup() {
        this.frame = useRef("frame");
        this.state = useState({ source: "" });
        this.observer = new MutationObserver(() => this.setChanged(true));
        useRecordObserver((record) => this.show(record.data[this.props.name] || ""));
        onWillUnmount(() => {
            this.observer.disconnect();
            this.commit();
        });
        const { bus } = this.props.record.model;
        useBus(bus, "WILL_SAVE_URGENTLY", () => this.commit());
        useBus(bus, "NEED_LOCAL_CHANGES", ({ detail }) => detail.proms.push(this.commit()));
    }

    get document() {
        return this.frame.el?.contentDocument;
    }

    /** What comes from elsewhere is drawn anew; what was typed here stands on the screen already. */
    show(html) {
        if (html !== this.known) {
            this.known = html;
            this.state.source = html;
        }
    }

    onLoad() {
        this.observer.disconnect();
        this.changed = false;
        const { body } = this.document;
        body.setAttribute(FIXED, "true");
        for (const table of body.querySelectorAll(FACTS)) {
            table.setAttribute(FIXED, "false");
        }
        this.document.execCommand("defaultParagraphSeparator", false, "p");
        this.document.addEventListener("paste", (ev) => this.onPaste(ev));
        this.document.addEventListener("focusout", () => this.commit());
        this.observer.observe(body, { childList: true, subtree: true, characterData: true });
    }

    /** Words only: what a word processor puts around them breaks the layout in the customer's mail program. */
    onPaste(ev) {
        ev.preventDefault();
        this.style("insertText", ev.clipboardData.getData("text/plain"));
    }

    style(command, value) {
        this.document.execCommand(command, false, value);
    }

    setChanged(changed) {
        this.changed = changed;
        this.props.record.model.bus.trigger("FIELD_IS_DIRTY", changed);
    }

    async commit() {
        if (!this.changed) {
            return;
        }
        this.setChanged(false);
        this.known = this.written();
        await this.props.record.update({ [this.props.name]: this.known });
    }

    written() {
        const root = this.document.documentElement.cloneNode(true);
        for (const element of root.querySelectorAll(`[${FIXED}]`)) {
            element.removeAttribute(FIXED);
        }
        return `<!DOCTYPE html>\n${root.outerHTML}`;
    }
}

registry.category("fields").add("dunning_letter", { component: LetterField, supportedTypes: ["text"] });
