{
    "name": "Collections",
    "summary": "Dunning over receivables from Odoo, QuickBooks Online and Xero",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "author": "odoo-dunning contributors",
    "license": "LGPL-3",
    "depends": ["account", "mail"],
    "external_dependencies": {"python": ["jinja2", "requests"]},
    "data": [
        "security/groups.xml",
        "security/ir.model.access.csv",
        "security/company_rules.xml",
        "data/policy_default.xml",
        "data/ir_cron.xml",
    ],
    "application": True,
    "installable": True,
}
