"""Parquet files written byte by byte, so that they can say what no writer would."""

import struct

STOP = b"\0"


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def zigzag(number):
    return varint((number << 1) ^ (number >> 63))


def i32(number):
    return 5, zigzag(number)


def i64(number):
    return 6, zigzag(number)


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return 8, varint(len(data)) + data


def items(kind, entries):
    head = bytes([len(entries) << 4 | kind]) if len(entries) < 15 else bytes([0xF0 | kind]) + varint(len(entries))
    return 9, head + b"".join(entries)


def struct_of(*fields):
    """A struct of (id, (kind, bytes)), ids ascending."""
    out, last = b"", 0
    for number, (kind, data) in fields:
        out += bytes([(number - last) << 4 | kind]) + data
        last = number
    return out + STOP


def group(name, children, repetition=None):
    fields = [(3, i32(repetition))] if repetition is not None else []
    return struct_of(*fields, (4, text(name)), (5, i32(children)))


def leaf(name, kind=6, repetition=0, converted=None):
    """Kind 6 is a byte array, 1 a 32-bit number; repetition 0 required, 1 optional, 2 repeated."""
    fields = [(1, i32(kind)), (3, i32(repetition)), (4, text(name))]
    return struct_of(*fields, *([(6, i32(converted))] if converted is not None else []))


def chunk(path, offset, size, values, kind=6, unpacked=None, codec=0, dictionary=None):
    meta = [
        (1, i32(kind)), (2, items(5, [zigzag(0)])), (3, items(8, [text(part)[1] for part in path])),
        (4, i32(codec)), (5, i64(values)), (6, i64(unpacked or size)), (7, i64(size)), (9, i64(offset)),
    ]
    if dictionary is not None:
        meta.append((11, i64(dictionary)))
    return struct_of((2, i64(offset)), (3, (12, struct_of(*meta))))


def row_group(chunks, rows, size=1):
    return struct_of((1, items(12, chunks)), (2, i64(size)), (3, i64(rows)))


def footer(schema, rows, groups):
    return struct_of((1, i32(1)), (2, items(12, schema)), (3, i64(rows)), (4, items(12, groups)))


def file(body, tail, claimed=None):
    length = len(tail) if claimed is None else claimed
    return b"PAR1" + body + tail + struct.pack("<I", length) + b"PAR1"


def data_page(body, values, encoding=0, unpacked=None, levels=3):
    head = struct_of((1, i32(values)), (2, i32(encoding)), (3, i32(levels)), (4, i32(levels)))
    page = struct_of((1, i32(0)), (2, i32(unpacked or len(body))), (3, i32(len(body))), (5, (12, head)))
    return page + body


def rle(count, value, width=1):
    """A run of one value, as levels have it, with the length before it."""
    run = varint(count << 1) + value.to_bytes((width + 7) // 8, "little")
    return struct.pack("<I", len(run)) + run


def deltas(first, rest):
    """Delta-packed numbers, all deltas 0: `first` and then the same again."""
    blocks = -(-rest // 128)
    return varint(128) + varint(4) + varint(rest + 1) + zigzag(first) + (zigzag(0) + b"\0" * 4) * blocks
