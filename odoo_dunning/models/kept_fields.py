"""Fields that only the addon itself writes (as superuser), however a call from outside names them."""


def label_of_kept(records, names):
    """The label of the first of these fields, in the language of who writes; "" where they write none, or may.

    :param names: set of field names somebody is about to write
    """
    if not names or records.env.su:
        return ""
    return records._fields[min(names)]._description_string(records.env)
