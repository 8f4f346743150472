#!/usr/bin/env python3
"""Writes core/text/unicode_table.inc: where Unicode's major categories begin.

    pip install unicodedata2==15.1.0 && core/text/make_unicode_table.py

Each entry is (first code point << 4 | class); classes are numbered as in core/text/unicode.h.
"""
import pathlib

import unicodedata2

WHITE_SPACE = {*range(0x9, 0xE), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B),
               0x2028, 0x2029, 0x202F, 0x205F, 0x3000}
CLASSES = {"L": 2, "N": 3, "M": 4, "P": 5, "S": 6}


def char_class(code):
    if code in WHITE_SPACE:
        return 1
    return CLASSES.get(unicodedata2.category(chr(code))[0], 0)


def main():
    assert unicodedata2.unidata_version == "15.1.0", unicodedata2.unidata_version
    entries, previous = [], None
    for code in range(0x110000):
        current = char_class(code)
        if current != previous:
            entries.append(f"0x{code << 4 | current:x}")
            previous = current
    lines = ["// Written by make_unicode_table.py: Unicode 15.1, (first code point << 4 | class)."]
    line = ""
    for entry in entries:
        if len(line) + len(entry) + 2 > 100:
            lines.append(line.rstrip())
            line = ""
        line += entry + ", "
    lines.append(line.rstrip())
    path = pathlib.Path(__file__).with_name("unicode_table.inc")
    path.write_text("\n".join(lines) + "\n")


main()
