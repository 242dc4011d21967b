"""Tables that people send, CSV and XLSX: read row by row, in constant memory, and distrusted.

Nothing in a file is run, followed or looked up: a formula is told, never computed; a link to
another file is never opened. What a file may hold is bounded before it is unpacked.
"""
