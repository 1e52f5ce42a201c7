import { registry } from "@web/core/registry";

/** The answer of a button that leaves the dialog around it open: the record in it is read again, no more. */
registry.category("actions").add("dunning_stay", (env, action, options) => options.onClose?.());
