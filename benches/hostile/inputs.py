"""What is handed to sizer: each input is a name, the arguments, exit codes that are right, and what is written
into the folder before. What is large is written piece by piece."""

import json
import os
import shutil
import socket
import threading

import parquet_bytes as pq
import spreadsheets as xl

DATA = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "data", "hostile")
MIB = 1 << 20
FAST = "{type: simulator, engine: {base: 1ms}, output_tokens: 1}"
LEVELS = "concurrency: {mode: burst, levels: [1], passes: 1}"
HEAD = f"version: 1\nname: t\ndataset: {{path: q.jsonl}}\nworkflow: {FAST}\n"
INPUTS = []


def add(name, args, codes=(2,)):
    def put(write):
        INPUTS.append((name, args, codes, write))
        return write

    return put


def spec(text, rest=LEVELS):
    with open("s.yml", "w") as file:
        file.write(text + rest + "\n")
    with open("q.jsonl", "w") as file:
        file.write('{"id": "1", "question": "hi"}\n')


def put(path, *pieces):
    with open(path, "wb") as file:
        for piece in pieces:
            for one in [piece] if isinstance(piece, (bytes, str)) else piece:
                file.write(one if isinstance(one, bytes) else one.encode())


def repeated(unit, count):
    unit = unit.encode() if isinstance(unit, str) else unit
    per_piece = max(1, MIB // len(unit))
    while count > 0:
        yield unit * min(count, per_piece)
        count -= per_piece


def dataset(name, path, codes=(2,)):
    """A dataset that is validated."""

    def of(write):
        def whole():
            spec(f"version: 1\nname: t\ndataset: {{path: {path}}}\nworkflow: {FAST}\n")
            write(path)

        INPUTS.append((name, ["validate", "s.yml"], codes, whole))

    return of


def recording(name, path, codes=(2,), more=""):
    def of(write):
        def whole():
            spec(f"version: 1\nname: t\nworkflow: {{type: recorded, path: {path}{more}}}\ntest: {{gpu_count: 1}}\n", "")
            write(path)

        INPUTS.append((name, ["run", "s.yml", "-q"], codes, whole))

    return of


# Datasets: unpacked far larger than packed.
for name, codes in [("far.xlsx", (2,)), ("mid.xlsx", (2,)), ("dim.xlsx", (0,)), ("farcol.xlsx", (0,)),
                    ("one.parquet", (2,)), ("dict.parquet", (0, 2))]:
    dataset(name, name, codes)(lambda path, name=name: shutil.copy(os.path.join(DATA, name), path))


@dataset("xlsx, 11,000,000 shared strings", "d.xlsx")
def _(path):
    unit = "<si><t>a</t></si>"
    strings = xl.pieces(f'<sst xmlns="{xl.MAIN}">', unit, 11_000_000, "</sst>")
    xl.write(path, xl.workbook(strings=strings))


@dataset("xlsx, 38,000,000 empty shared strings", "d.xlsx", (0, 2))
def _(path):
    xl.write(path, xl.workbook(strings=xl.pieces(f'<sst xmlns="{xl.MAIN}">', "<si/>", 38_000_000, "</sst>")))


@dataset("xlsx, 20,000 sheets", "d.xlsx", (0, 2))
def _(path):
    xl.write(path, xl.workbook(sheets=20_000))


@dataset("xlsx, 16,384 columns of 500 rows", "d.xlsx", (0, 2))
def _(path):
    row = "".join(f"<c><v>{n}</v></c>" for n in range(16_384))
    rows = (f"<row>{row}</row>" for _ in range(500))
    xl.write(path, xl.workbook(sheet=[xl.HEAD, *rows, xl.TAIL]))


@dataset("xlsx, one cell of 150 MiB", "d.xlsx", (0, 2))
def _(path):
    head = xl.HEAD + f'<row r="1">{xl.cell("A1", "question")}</row><row r="2"><c r="A2" t="inlineStr"><is><t>'
    xl.write(path, xl.workbook(sheet=xl.pieces(head, "B", 150 * MIB, "</t></is></c></row>" + xl.TAIL)))


@dataset("xlsx, elements in one another", "d.xlsx", (0, 2))
def _(path):
    head = xl.HEAD + f'<row r="1">{xl.cell("A1", "question")}</row><row r="2"><c r="A2" t="inlineStr"><is>'
    xl.write(path, xl.workbook(sheet=xl.pieces(head, "<r>", 20_000_000, "</is></c></row>" + xl.TAIL)))


@dataset("xlsx, merged cells", "d.xlsx", (0, 2))
def _(path):
    tail = "</sheetData><mergeCells>"
    head = xl.HEAD + f'<row r="1">{xl.cell("A1", "question")}</row><row r="2">{xl.cell("A2", "hi")}</row>' + tail
    xl.write(path, xl.workbook(sheet=xl.pieces(head, '<mergeCell ref="A1:B2"/>', 8_000_000, "</mergeCells></worksheet>")))


@dataset("xlsx, defined names", "d.xlsx", (0, 2))
def _(path):
    names = '<definedName name="a">s1!A1</definedName>' * 4_000_000
    xl.write(path, xl.workbook(more=f"<definedNames>{names}</definedNames>"))


@dataset("xlsx, styles", "d.xlsx", (0, 2))
def _(path):
    parts = xl.workbook()
    parts["xl/styles.xml"] = xl.pieces(f'<styleSheet xmlns="{xl.MAIN}"><cellXfs>', '<xf numFmtId="0"/>', 9_000_000,
                                       "</cellXfs></styleSheet>")
    xl.write(path, parts)


@dataset("ods, 10^9 repeated columns", "d.ods", (0, 2))
def _(path):
    cell = xl.ods_cell("question", 1_000_000_000)
    xl.write(path, xl.ods(f"<table:table-row>{cell}</table:table-row>"))


@dataset("ods, 10^9 repeated rows", "d.ods", (0, 2))
def _(path):
    cell = xl.ods_cell("question")
    xl.write(path, xl.ods(f'<table:table-row table:number-rows-repeated="1000000000">{cell}</table:table-row>'))


@dataset("ods, 10^4 rows of 10^4 columns, repeated", "d.ods", (0, 2))
def _(path):
    cell = xl.ods_cell("question", 10_000)
    xl.write(path, xl.ods(f'<table:table-row table:number-rows-repeated="10000">{cell}</table:table-row>'))


@dataset("ods, cut off", "d.ods")
def _(path):
    parts = xl.ods(" ")
    parts["content.xml"] = "".join(list(parts["content.xml"])[:1]) + '<table:kable-row table:number-rows-repeated="2"><table:'
    xl.write(path, parts)


@dataset("a zip of 100,000 parts", "d.xlsx", (0, 2))
def _(path):
    xl.write(path, {f"p{n}": "" for n in range(100_000)})


# Parquet, as no writer would write it.
def parquet(name, codes=(2,)):
    return dataset(f"parquet, {name}", "d.parquet", codes)


@parquet("groups in one another, 1,000,000 deep")
def _(path):
    put(path, pq.file(b"", pq.footer([pq.group("m", 1)] + [pq.group("g", 1, 0)] * 1_000_000 + [pq.leaf("q")], 0, [])))


@parquet("a group of 2^31 fields")
def _(path):
    deep = [pq.group("m", 1)] + [pq.group("g", (1 << 31) - 1, 0)] * 50
    put(path, pq.file(b"", pq.footer(deep + [pq.leaf("q")], 0, [])))


@parquet("2,000,000 columns")
def _(path):
    schema = [pq.group("m", 2_000_000)] + [pq.leaf(f"c{n}") for n in range(2_000_000)]
    put(path, pq.file(b"", pq.footer(schema, 0, [])))


@parquet("2,000,000 empty row groups", (0, 2))
def _(path):
    schema = [pq.group("m", 1), pq.leaf("question")]
    groups = [pq.row_group([pq.chunk(["question"], 4, 0, 0)], 0)] * 2_000_000
    put(path, pq.file(b"", pq.footer(schema, 0, groups)))


@parquet("a footer longer than the file")
def _(path):
    put(path, pq.file(b"", b"\x15\x02\0", claimed=0x7FFFFFFF))


@parquet("a footer of 400 MiB of nothing")
def _(path):
    put(path, "PAR1", repeated(b"\0", 400 * MIB), (400 * MIB).to_bytes(4, "little"), "PAR1")


@parquet("a list of 2^31 row groups")
def _(path):
    schema = [pq.group("m", 1), pq.leaf("question")]
    tail = pq.struct_of((1, pq.i32(1)), (2, pq.items(12, schema)), (3, pq.i64(0)))[:-1]
    put(path, pq.file(b"", tail + b"\x19\xfc" + pq.varint((1 << 31) - 1) + b"\0" * 1000))


def column(path, page, values, rows, repetition, kind=6):
    chunk = pq.chunk(["question"], 4, len(page), values, kind=kind)
    schema = [pq.group("m", 1), pq.leaf("question", kind, repetition)]
    put(path, pq.file(page, pq.footer(schema, rows, [pq.row_group([chunk], rows)])))


@parquet("10^9 rows of nothing")
def _(path):
    rows = 1_000_000_000
    column(path, pq.data_page(pq.rle(rows, 0), rows), rows, rows, 1)


@parquet("a row of 10^9 entries")
def _(path):
    # The values of a dictionary with one entry, all the same.
    count = 1_000_000_000
    body = pq.rle(1, 0) + pq.rle(count, 1)
    first = pq.struct_of((1, pq.i32(2)), (2, pq.i32(5)), (3, pq.i32(5)),
                         (7, (12, pq.struct_of((1, pq.i32(1)), (2, pq.i32(0)))))) + b"\1\0\0\0a"
    levels = pq.rle(count, 1)[4:]
    repeats = pq.varint(1 << 1) + b"\0" + pq.varint((count - 1) << 1) + b"\1"
    body = len(repeats).to_bytes(4, "little") + repeats + len(levels).to_bytes(4, "little") + levels
    body += b"\1" + pq.varint(count << 1) + b"\0"
    page = first + pq.data_page(body, count, encoding=8)
    chunk = pq.chunk(["question"], 4 + len(first), len(page), count, dictionary=4)
    schema = [pq.group("m", 1), pq.leaf("question", 6, 2)]
    put(path, pq.file(page, pq.footer(schema, 1, [pq.row_group([chunk], 1)])))


@parquet("values that are the one before, and 8 MiB each", (0, 2))
def _(path):
    # Prefix lengths all the same, suffixes of no length after the first.
    count, size = 4000, 8 * MIB
    prefixes = pq.varint(128) + pq.varint(4) + pq.varint(count) + pq.zigzag(0)
    # The first delta takes the first value to all others.
    width = 24
    rest = count - 1
    for block in range(-(-rest // 128)):
        low = 0
        values = [size if block == 0 and n == 0 else 0 for n in range(128)]
        packed = sum(value << (width * n) for n, value in enumerate(values[:32])).to_bytes(width * 4, "little")
        prefixes += pq.zigzag(low) + bytes([width if block == 0 else 0, 0, 0, 0]) + (packed if block == 0 else b"")
    suffixes = pq.varint(128) + pq.varint(4) + pq.varint(count) + pq.zigzag(size)
    values = [0 if n == 0 else size for n in range(32)]
    packed = sum(value << (width * n) for n, value in enumerate(values)).to_bytes(width * 4, "little")
    for block in range(-(-rest // 128)):
        if block == 0:
            suffixes += pq.zigzag(-size) + bytes([width, width, width, width]) + packed
            packed_all = sum(size << (width * n) for n in range(32)).to_bytes(width * 4, "little")
            suffixes += packed_all * 3
        else:
            suffixes += pq.zigzag(0) + b"\0" * 4
    page = pq.data_page(prefixes + suffixes + b"A" * size, count, encoding=7)
    column(path, page, count, count, 0)


# Text.
@dataset("csv, a line of 200 MiB", "d.csv")
def _(path):
    put(path, "question\n", repeated("x", 200 * MIB), "\n")


@dataset("jsonl, a line of 200 MiB", "d.jsonl")
def _(path):
    put(path, '{"question":"', repeated("x", 200 * MIB), '"}\n')


@dataset("csv, 140,000 columns", "d.csv", (0, 2))
def _(path):
    put(path, "question", (f",{n}" for n in range(140_000)), "\n", ("a," * 140_000 + "a\n" for _ in range(20)))


@dataset("csv, 8,000,000 columns without names", "d.csv")
def _(path):
    put(path, "question", repeated(",", 8_000_000), "\n", "a", repeated(",", 8_000_000), "\n")


@dataset("csv, 2,000,000 columns of different names", "d.csv")
def _(path):
    put(path, "question", (f",{n:x}" for n in range(2_000_000)), "\n")


@dataset("jsonl, a row of 8,000,000 numbers", "d.jsonl")
def _(path):
    put(path, '{"question":"a","n":[', repeated("0,", 8_000_000), "0]}\n")


@dataset("jsonl, a row of 5,000,000 objects", "d.jsonl")
def _(path):
    put(path, '{"question":"a","n":[', repeated("{},", 5_000_000), "0]}\n")


@dataset("json, a row of 125,000,000 numbers", "d.json")
def _(path):
    put(path, '[{"question":"a","n":[', repeated("0,", 125_000_000), "0]}]")


@dataset("json, 60,000,000 times NaN", "d.json")
def _(path):
    put(path, '[{"question":"a","n":[', repeated("NaN,", 60_000_000), "0]}]")


@dataset("json, a question of 250 MiB", "d.json")
def _(path):
    put(path, '[{"question":"', repeated("x", 250 * MIB), '"}]')


@dataset("json, a key of 250 MiB, escaped", "d.json")
def _(path):
    put(path, '[{"\\n', repeated("x", 250 * MIB), '":1}]')


@dataset("json, rows with NaN, 250 MiB together", "d.json", (0, 2))
def _(path):
    put(path, "[", repeated('{"question":"what is it?","n":NaN},', 7_000_000), '{"question":"b"}]')


@dataset("json, 85,000,000 empty rows", "d.json")
def _(path):
    put(path, "[", repeated("{},", 85_000_000), "{}]")


@dataset("json with comments, 8,000,000 numbers", "d.json")
def _(path):
    put(path, '// a\n[{"question":"a","n":[', repeated("0,", 8_000_000), "0]}]")


@dataset("json, a table of 8,000,000 cells", "d.json", (0, 2))
def _(path):
    put(path, '{"columns":["question"],"data":[', repeated("[0],", 3_500_000), "[0]]}")


@dataset("json, 100,000,000 brackets", "d.json")
def _(path):
    put(path, repeated("[", 100_000_000))


@dataset("json, lists in one another", "d.json")
def _(path):
    put(path, '[{"question":', repeated("[", 10_000_000), repeated("]", 10_000_000), "}]")


@dataset("jsonl, 15,000,000 digits", "d.jsonl", (0, 2))
def _(path):
    put(path, '{"question":', repeated("9", 15_000_000), "}\n")


@dataset("jsonl, the same id 2,000,000 times", "d.jsonl", (0, 2))
def _(path):
    put(path, repeated('{"id":1,"question":"a"}\n', 2_000_000))


@dataset("/dev/zero", "/dev/zero, format: jsonl")
def _(path):
    pass


@dataset("a pipe", "pipe.jsonl")
def _(path):
    os.mkfifo(path)


# Recordings.
@recording("recording, csv, a line of 200 MiB", "r.csv")
def _(path):
    put(path, "concurrency,start,end,id\n1,0,1,", repeated("x", 200 * MIB), "\n")


@recording("recording, jsonl, a line of 200 MiB", "r.jsonl")
def _(path):
    put(path, '{"concurrency":1,"start":0,"end":1,"id":"', repeated("x", 200 * MIB), '"}\n')


@recording("recording, a run of 800,000 calls", "r.jsonl")
def _(path):
    put(path, '{"concurrency":1,"start":0,"end":1,"llm_calls":[', repeated('{"start":0,"end":1},', 800_000),
        '{"start":0,"end":1}]}\n')


@recording("recording, 300 runs of 100,000 calls", "r.jsonl")
def _(path):
    line = '{"concurrency":1,"start":0,"end":1,"llm_latencies":[' + "0," * 100_000 + "0]}\n"
    put(path, repeated(line, 300))


@recording("recording, 8,000,000 times between tokens", "r.jsonl")
def _(path):
    put(path, '{"concurrency":1,"start":0,"end":1,"itls":[', repeated("0,", 8_000_000), "0]}\n")


@recording("recording, 8,000,000 times in a cell", "r.csv", (0, 1, 2))
def _(path):
    put(path, "concurrency,start,end,itls\n1,0,1,", repeated("0;", 8_000_000), "0\n")


@recording("recording, 2,000,000 columns", "r.csv")
def _(path):
    put(path, "concurrency,start,end", (f",{n:x}" for n in range(2_000_000)), "\n")


@recording("recording, 5,000,001 runs", "r.jsonl")
def _(path):
    put(path, repeated('{"concurrency":1,"start":0,"end":1}\n', 5_000_001))


@recording("recording, 4,900,000 runs", "r.jsonl")
def _(path):
    put(path, (f'{{"concurrency":1,"start":{n},"end":{n}.9}}\n' for n in range(4_900_000)))


@recording("recording, 20,000 levels", "r.jsonl")
def _(path):
    put(path, (f'{{"concurrency":{n},"start":0,"end":1}}\n' for n in range(1, 20_001)))


@recording("recording, 10,000 levels", "r.jsonl", (0, 1, 2))
def _(path):
    put(path, (f'{{"concurrency":{n},"start":0,"end":1}}\n' for n in range(1, 10_001)))


@recording("recording, 16 MiB of id in each of 50 runs", "r.jsonl")
def _(path):
    put(path, (piece for n in range(50) for piece in
               [f'{{"concurrency":1,"start":{n},"end":{n}.5,"id":"', b"x" * (15 * MIB), '"}\n']))


@recording("recording, denormal and huge times", "r.jsonl", (0, 1, 2))
def _(path):
    put(path, '{"concurrency":1,"start":5e-324,"end":1e-323}\n{"concurrency":1,"start":0,"end":1e308}\n' * 5)


@recording("recording, NaN in csv", "r.csv")
def _(path):
    put(path, "concurrency,start,end\n1,NaN,inf\n")


@recording("recording, dates before 1970", "r.csv", (0, 1, 2))
def _(path):
    put(path, "concurrency,start,end\n", (f"1,{n - 2e9},{n - 2e9 + 1}\n" for n in range(100)))


@recording("recording, a numeral of 15,000,000 digits", "r.jsonl")
def _(path):
    put(path, '{"concurrency":1,"start":0,"end":', repeated("9", 15_000_000), "}\n")


@recording("recording, 200,000 repetitions", "r.jsonl", (0, 1, 2))
def _(path):
    put(path, (f'{{"concurrency":1,"start":{n * 100},"end":{n * 100 + 1},"repetition":{n}}}\n' for n in range(200_000)))


@recording("recording, parquet, 10^9 rows", "r.parquet")
def _(path):
    rows = 1_000_000_000
    body = pq.rle(rows, 0)
    page = pq.data_page(body, rows)
    names = ["concurrency", "start", "end"]
    schema = [pq.group("m", 3)] + [pq.leaf(name, 5, 1) for name in names]
    chunks = [pq.chunk([name], 4, len(page), rows, kind=5) for name in names]
    put(path, pq.file(page, pq.footer(schema, rows, [pq.row_group(chunks, rows)])))


# Specs.
def bad_spec(name, text, codes=(2,), args=("validate", "s.yml")):
    add(name, list(args), codes)(lambda: spec(*(text() if callable(text) else text)))


for depth in [500, 4_000, 16_000]:
    bad_spec(f"spec, maps {depth:,} deep", (HEAD, LEVELS + "\nvars: " + "{a: " * depth + "1" + "}" * depth))
bad_spec("spec, lists 400,000 deep", (HEAD, LEVELS + "\nvars: " + "[" * 400_000 + "1" + "]" * 400_000))
bad_spec("spec, 150,000 levels", (HEAD, f"concurrency: {{levels: [{','.join(map(str, range(1, 150_000)))}]}}"))
bad_spec("spec, a range of 10^6 levels", (HEAD, "concurrency: {levels: {from: 1, to: 1000000, steps: 1000000}}"))
bad_spec("spec, 10^9 replicas", (HEAD.replace("base: 1ms", "base: 1ms, replicas: 1000000000"), LEVELS))
bad_spec("spec, 10^6 branches", (HEAD, LEVELS + "\nmatrix:\n" + "\n".join(
    f"  targets.{key}: [{', '.join(map(str, range(1, 101)))}]" for key in ["users", "headroom", "spares"])))
bad_spec("spec, 2^60 branches", (HEAD, LEVELS + "\nmatrix:\n" + "\n".join(
    f"  vars.k{n}: [1, 2]" for n in range(60))))
bad_spec("spec, 90,000 values in a matrix", (HEAD, LEVELS + f"\nmatrix:\n  name: [{', '.join(f'n{n}' for n in range(90_000))}]"))
bad_spec("spec, aliases that multiply", (HEAD, LEVELS + "\nvars:\n  a0: &a0 [x, x, x, x, x, x, x, x]\n" + "\n".join(
    f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 12))))
bad_spec("spec, merges that multiply", (HEAD, LEVELS + "\nvars:\n  a0: &a0 {x: 1}\n" + "\n".join(
    f"  a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 8)}], k{n}: [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]}}"
    for n in range(1, 14))))
bad_spec("spec, variables that multiply", (HEAD.replace("name: t", 'name: "${vars.a0}"'), LEVELS + "\nvars:\n" + "\n".join(
    f'  a{n}: "{("${vars.a%d}" % (n + 1)) * 10}"' for n in range(12)) + "\n  a12: x"), (0, 2))
bad_spec("spec, a text of 500 kB used 20,000 times", (HEAD, LEVELS + "\nvars:\n  big: " + "x" * 500_000
         + "\noutputs: {x: [" + ", ".join(['"${vars.big}"'] * 20_000) + "]}"))
bad_spec("spec, 90,000 keys", (HEAD, LEVELS + "\nvars:\n" + "\n".join(f" k{n}: 1" for n in range(90_000))), (0, 2))
bad_spec("spec, a whole number of 10^6 digits", (HEAD, "concurrency: {levels: [" + "9" * 1_000_000 + "]}"))
bad_spec("spec, 60,000 reports", (HEAD, LEVELS + "\noutputs: {reports: [" + ", ".join(["summary.md"] * 60_000) + "]}"), (0, 2))
bad_spec("spec, a filter of stars", (
    HEAD.replace("path: q.jsonl", "path: q.jsonl, filter: {allow: {question: ['" + "*a" * 3000 + "b']}}"), LEVELS), (0, 2))


@add("spec, a glob of stars over long questions", ["validate", "s.yml"], (0, 2))
def _():
    spec(HEAD.replace("path: q.jsonl", "path: d.jsonl, filter: {allow: {question: ['" + "*a" * 300 + "b']}}"))
    put("d.jsonl", repeated('{"question":"' + "a" * 20_000 + '"}\n', 200))


@add("spec, includes in a circle of 2^40", ["validate", "s.yml"], (2,))
def _():
    spec(HEAD, LEVELS + "\ninclude: [i0.yml, i0.yml]")
    for n in range(40):
        put(f"i{n}.yml", f"include: [i{n + 1}.yml, i{n + 1}.yml]\n")
    put("i40.yml", "vars: {a: 1}\n")


@add("spec, 200 includes of 1 MiB", ["validate", "s.yml"], (0, 2))
def _():
    spec(HEAD, LEVELS + "\ninclude: [" + ", ".join(f"i{n}.yml" for n in range(200)) + "]")
    for n in range(200):
        put(f"i{n}.yml", "vars:\n", (f" k{n}x{m}: 1\n" for m in range(70_000)))


@add("spec, of /dev/zero", ["validate", "/dev/zero"], (2,))
def _():
    pass


# The store, the lock file.
def stored(name, args, codes):
    def of(write):
        def whole():
            spec(HEAD)
            os.makedirs(".sizer/latest")
            os.makedirs(".sizer/manifests")
            write()

        INPUTS.append((name, args, codes, whole))

    return of


RECORD = json.dumps({"id": "a", "spec": "s.yml", "spec_digest": "d", "started": 1.0, "duration": 1.0, "user": "u",
                     "host": "h", "tool": "1", "exit": "done", "ran": 1, "gpus": None, "keys": {}}) + "\n"


@stored("runs.jsonl of 2 GiB, one line", ["history", "s.yml"], (0,))
def _():
    put(".sizer/runs.jsonl", RECORD)
    os.truncate(".sizer/runs.jsonl", 2 << 30)


@stored("runs.jsonl of 1.2 GiB of records", ["history", "s.yml"], (0,))
def _():
    put(".sizer/runs.jsonl", repeated(RECORD, 6_000_000))


@stored("runs.jsonl of 2 GiB, a run", ["run", "s.yml", "-q"], (0,))
def _():
    put(".sizer/runs.jsonl", RECORD)
    os.truncate(".sizer/runs.jsonl", 2 << 30)


@stored("latest of 2 GiB", ["status", "s.yml"], (0,))
def _():
    put(".sizer/latest/s.yml.json", "{")
    os.truncate(".sizer/latest/s.yml.json", 2 << 30)


# What cannot be read may name artifacts, so nothing is collected.
@stored("latest of 2 GiB, gc", ["gc", "s.yml"], (1,))
def _():
    put(".sizer/latest/s.yml.json", "{")
    os.truncate(".sizer/latest/s.yml.json", 2 << 30)


@stored("sizer.lock of 1 GiB of nothing", ["status", "s.yml"], (0, 2))
def _():
    put("sizer.lock", "")
    os.truncate("sizer.lock", 1 << 30)


@stored("sizer.lock of 1 GiB of nothing, a run", ["run", "s.yml", "-q"], (0, 2))
def _():
    put("sizer.lock", "")
    os.truncate("sizer.lock", 1 << 30)


@stored("sizer.lock of 2,000,000 stanzas", ["status", "s.yml"], (0, 2))
def _():
    put("sizer.lock", (f'[specs."s.yml"."sweep@{n}"]\nkey = "a"\ndigest = "d"\nsize = 1\ntool = "1"\n\n'
                       for n in range(2_000_000)))


@stored("sizer.lock of brackets", ["status", "s.yml"], (0, 2))
def _():
    put("sizer.lock", "a = ", repeated("[", 15 * MIB))


@stored("sizer.lock that is a pipe", ["status", "s.yml"], (0, 2))
def _():
    os.mkfifo("sizer.lock")


@stored("1,000 manifests of 1 GiB each", ["plan", "s.yml"], (0,))
def _():
    for n in range(1_000):
        put(f".sizer/manifests/{n:064x}.json", '{"check":"0","manifest":{"stage":"sweep@1","key":"')
        os.truncate(f".sizer/manifests/{n:064x}.json", 1 << 30)


@add("template of /dev/zero", ["render", "s.yml", "--template", "/dev/zero"], (2,))
def _():
    spec(HEAD)


# Templates.
def template(name, text, codes=(2,)):
    def whole():
        spec(HEAD)
        put("x.j2", text)

    INPUTS.append((f"template, {name}", ["render", "s.yml", "--template", "x.j2"], codes, whole))


DEEP = 50_000
for name, text in [
    ("range(10^9)", "{% for i in range(1000000000) %}a{% endfor %}"),
    ("nested ranges", "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}"),
    ("include /etc/passwd", '{% include "/etc/passwd" %}'),
    ("include ../s.yml", '{% include "s.yml" %}'),
    ("extends self", '{% extends "x.j2" %}'),
    ("string doubling", '{% set ns = namespace(s="aaaaaaaa") %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s|length }}'),
    ("list doubling", "{% set ns = namespace(l=[1]) %}{% for i in range(40) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l|length }}"),
    ("list doubling, then sorted", "{% set ns = namespace(l=[1]) %}{% for i in range(22) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l|sort|unique|list }}"),
    ("format width", '{{ "%999999999d"|format(1) }}'),
    ("format width of 10^13", '{{ "%9999999999999d"|format(1) }}'),
    ("format precision of 10^13", '{{ "%.9999999999999f"|format(1.5) }}'),
    ("format() width of 10^13", '{{ "{:>9999999999999}".format("a") }}'),
    ("indent by 10^13", "{{ 'a\nb'|indent(9999999999999) }}"),
    ("indent by 10^9", "{{ ('a\n' * 100)|indent(99999999) }}"),
    ("text times 10^9", "{{ 'a' * 999999999 }}"),
    ("text times 10^18", "{{ 'ab' * 999999999999999999 }}"),
    ("list times 10^9", "{{ [1] * 999999999 }}"),
    ("replace that multiplies", "{% set a = 'a' * 100000 %}{{ a|replace('a', a)|length }}"),
    ("replace nothing", "{% set a = 'a' * 100000 %}{{ a|replace('', a)|length }}"),
    ("join that multiplies", "{% set a = 'a' * 1000000 %}{{ range(100000)|join(a)|length }}"),
    ("batch of 10^13", "{{ [1]|batch(9999999999999)|list }}"),
    ("batch filled up", "{{ [1]|batch(99999999, 'x')|list|length }}"),
    ("slice of 10^13", "{{ [1]|slice(9999999999999)|list|length }}"),
    ("round to 10^9 places", "{{ 1.5|round(2000000000) }}"),
    ("power", "{{ 10 ** 1000000000 }}"),
    ("recursive macro", "{% macro m(n) %}{{ m(n+1) }}{% endmacro %}{{ m(0) }}"),
    ("recursive loop", "{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}"),
    ("list in itself", "{% set ns = namespace(l=[]) %}{% for i in range(100000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}"),
    ("1+1+…", "{{ " + "1+" * DEEP + "1 }}"),
    ("(((…", "{{ " + "(" * DEEP + "1" + ")" * DEEP + " }}"),
    ("not not …", "{{ " + "not " * DEEP + "1 }}"),
    ("nested if", "{% if 1 %}" * 20_000 + "{% endif %}" * 20_000),
    ("nested if, just allowed", "{% if 1 %}" * 140 + "{% endif %}" * 140),
    ("operators, just allowed", "{{ " + "-" * 1900 + "1 }}"),
    ("brackets, just allowed", "{{ " + "[" * 1900 + "]" * 1900 + " }}"),
    ("4 MiB of text", "x" * (5 << 20)),
    ("500,000 expressions", "{{ 1 }}" * 500_000),
]:
    template(name, text, (0, 2))

bad_spec("template, 1+1+… in workflow.body", (HEAD.replace(
    FAST, "{type: http, url: 'http://127.0.0.1:1/', method: POST, body: '{{ " + "1+" * DEEP + "1 }}'}"), LEVELS))


# Answers.
def endless(length):
    """A server whose answers never end, on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client):
        piece = b"x" * MIB
        try:
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % length)
            client.sendall(b'{"choices": [{"message": {"content": "')
            for _ in range(length // MIB):
                client.sendall(piece)
        except OSError:
            pass
        client.close()

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


for level in [1, 8, 32]:
    @add(f"answers of 256 MiB, {level} at a time", ["run", "s.yml", "-q"], (0,))
    def _(level=level):
        address = f"http://127.0.0.1:{endless(256 * MIB)}/v1"
        workflow = f"{{type: openai, base_url: '{address}', model: m, stream: false}}"
        spec(HEAD.replace(FAST, workflow), LEVELS.replace("[1]", f"[{level}]"))
