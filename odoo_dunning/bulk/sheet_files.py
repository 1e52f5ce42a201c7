"""Calculation sheets as PDF files, many in one call of the printer: starting it takes longer than printing a page.

All sheets of a call are one document, cut apart afterwards. A page says whose it is by the number of its message; a
document whose pages do not all say so plainly is not cut, but made again sheet by sheet.
"""

import io
import re

from odoo.tools.pdf import PdfReader, PdfWriter

REPORT = "odoo_dunning.report_charge_sheet"
# How Odoo's own tests have reports rendered when there may be no printer.
HTML = "html"
SHEETS_PER_CALL = 50


def pdfs(notices):
    """Yield (notice, PDF) for the sheets of these messages.

    :raise UserError: where a page cannot be made
    """
    for start in range(0, len(notices), SHEETS_PER_CALL):
        some = notices[start : start + SHEETS_PER_CALL]
        files = _joined(some) if len(some) > 1 else None
        yield from zip(some, files or [_print(notice)[0] for notice in some], strict=True)


def _joined(notices):
    document, kind = _print(notices)
    return None if kind == HTML else cut(document, [_number(notice) for notice in notices])


def _print(notices):
    return notices.env["ir.actions.report"].sudo()._render_qweb_pdf(REPORT, notices.ids)


def _number(notice):
    return (notice.main_id or notice)._number()


def cut(pdf, numbers):
    """One PDF per number, in the order in which the document has them; None where its pages leave a doubt.

    The first page of each sheet, and no other, has to carry the sheet's own number, and no page that of another one.
    """
    reader = PdfReader(io.BytesIO(pdf))
    if not all(hasattr(page, "extract_text") for page in reader.pages):
        return None
    shown = re.compile("|".join(re.escape(number) + r"(?!\d)" for number in numbers))
    sheets = []
    for page in reader.pages:
        found = set(shown.findall(page.extract_text()))
        if not found and sheets:
            sheets[-1].append(page)
        elif len(sheets) < len(numbers) and found == {numbers[len(sheets)]}:
            sheets.append([page])
        else:
            return None
    return [_file(pages) for pages in sheets] if len(sheets) == len(numbers) else None


def _file(pages):
    writer = PdfWriter()
    for page in pages:
        writer.add_page(page)
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()
