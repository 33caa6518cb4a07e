"""Writes the files of schema/ as a C array: embed.py OUT.h FILE..."""
import os
import sys


def c_lines(data):
    for at in range(0, len(data), 96):
        text = "".join(chr(b) if 32 <= b < 127 and b not in b'"\\?' else "\\%03o" % b for b in data[at:at + 96])
        yield '    "%s"' % text


with open(sys.argv[1], "w", encoding="ascii") as out:
    out.write("/* Made by embed.py from schema/. */\n#pragma once\n\n#include <stddef.h>\n\n")
    out.write("struct schema_data {\n    const char *name, *bytes;\n    size_t len;\n};\n\n")
    out.write("static const struct schema_data schema_data[] = {\n")
    for path in sys.argv[2:]:
        with open(path, "rb") as file:
            data = file.read()
        out.write('    { "%s",\n%s,\n      %d },\n' % (os.path.basename(path), "\n".join(c_lines(data)), len(data)))
    out.write("};\nstatic const size_t schema_data_count = sizeof schema_data / sizeof *schema_data;\n")
