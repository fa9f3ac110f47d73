"""Spreadsheets whose parts are far more than they look."""

import zipfile

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
HEAD = f'<?xml version="1.0"?><worksheet xmlns="{MAIN}"><sheetData>'
TAIL = "</sheetData></worksheet>"
PIECE = 1 << 20


def cell(place, value):
    return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'


def pieces(before, unit, count, after):
    yield before
    per_piece = max(1, PIECE // len(unit))
    while count > 0:
        now = min(count, per_piece)
        yield unit * now
        count -= now
    yield after


def write(path, parts):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, content in parts.items():
            with archive.open(name, "w") as part:
                for piece in [content] if isinstance(content, str) else content:
                    part.write(piece.encode())


def workbook(sheet=None, strings=None, sheets=1, more=""):
    """The parts of a workbook, with what is hostile in the place of what is usual."""
    names = "".join(f'<sheet name="s{n}" sheetId="{n}" r:id="rId{n}"/>' for n in range(1, sheets + 1))
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        for n in range(1, sheets + 1)
    )
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="rId1" '
        f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{names}</sheets>{more}</workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{RELATIONS}">{relations}</Relationships>',
        "xl/worksheets/sheet1.xml": sheet
        or HEAD + f'<row r="1">{cell("A1", "question")}</row><row r="2">{cell("A2", "hi")}</row>' + TAIL,
    }
    if strings is not None:
        parts["xl/sharedStrings.xml"] = strings
    return parts


def ods(rows):
    return {
        "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
        "META-INF/manifest.xml": '<manifest:manifest xmlns:manifest="m"/>',
        "content.xml": pieces(
            '<office:document-content xmlns:office="o" xmlns:table="t" xmlns:text="x"><office:body>'
            '<office:spreadsheet><table:table table:name="a">',
            rows,
            1,
            "</table:table></office:spreadsheet></office:body></office:document-content>",
        ),
    }


def ods_cell(value, repeated=1):
    return (
        f'<table:table-cell office:value-type="string" table:number-columns-repeated="{repeated}">'
        f"<text:p>{value}</text:p></table:table-cell>"
    )
