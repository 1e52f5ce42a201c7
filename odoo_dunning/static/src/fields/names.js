import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { RelationalModel } from "@web/model/relational_model/relational_model";
import { CharField, charField } from "@web/views/fields/char/char_field";
import { listView } from "@web/views/list/list_view";

/** What a code is called in the language of who reads it; what is no code is shown as it is. */
function nameOf(type, code) {
    try {
        return new Intl.DisplayNames([user.lang], { type }).of(code);
    } catch {
        return code;
    }
}

/** A jurisdiction: a country, the EU, or a state of a country, such as US-CA. */
export function placeName(code) {
    if (!code) {
        return "";
    }
    const [country, state] = code.split("-");
    const words = { "*": _t("Any"), seller: _t("The seller's"), customer: _t("The customer's") };
    return words[code]?.toString() || nameOf("region", country) + (state ? ` (${state})` : "");
}

/** Shown by name, written by code. */
class PlaceField extends CharField {
    get formattedValue() {
        return placeName(super.formattedValue);
    }
}

class LanguageField extends CharField {
    get formattedValue() {
        return nameOf("language", super.formattedValue);
    }
}

class LawGroup extends RelationalModel.Group {
    constructor() {
        super(...arguments);
        if (this.groupByField.name === "jurisdiction") {
            this.displayName = placeName(this.displayName);
        }
    }
}

class LawModel extends RelationalModel {
    static Group = LawGroup;
}

registry.category("fields").add("dunning_place", { ...charField, component: PlaceField });
registry.category("fields").add("dunning_language", { ...charField, component: LanguageField });
registry.category("views").add("dunning_law_list", { ...listView, Model: LawModel });
