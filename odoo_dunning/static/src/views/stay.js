import { registry } from "@web/core/registry";

/** The answer of a button that leaves the dialog around it open; the record is read again by the button itself. */
registry.category("actions").add("dunning_stay", () => {});
