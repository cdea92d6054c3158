"""Tables of a JPEG stream that no scan uses (ITU-T T.81, annex B.2.4): they can hold any bytes."""

from __future__ import annotations

from typing import NamedTuple

from ml.decoding.jpeg_segments import ARITHMETIC_DCT, FRAME_SIZE, FRAMES, LOSSLESS_ARITHMETIC, SCAN, Segment

HUFFMAN_TABLES, CONDITIONING, QUANTISATION_TABLES, NUMBER_OF_LINES = 0xC4, 0xCC, 0xDB, 0xDC
PROGRESSIVE, LOSSLESS = frozenset({0xC2, 0xC6, 0xCA, 0xCE}), frozenset({0xC3, 0xC7, 0xCB, 0xCF})  # frame headers
QUANTISATION, DC, AC = 0, 1, 2  # kinds of tables
COEFFICIENTS, CODE_LENGTHS = 64, 16
COMPONENT_SIZE = 3  # bytes of a component in a frame header
LINES_SIZE = 2  # bytes; decoders skip the segment, whatever its length

Table = tuple[int, int]  # kind and number


class Definition(NamedTuple):
    """A table in the stream.

    Attributes:
        table: kind and number.
        segment: offset of its segment.
        start: offset of its first byte.
        end: offset behind its last byte.
    """

    table: Table
    segment: int
    start: int
    end: int


def keep_used_tables(data: bytes, segments: list[Segment]) -> dict[int, bytes]:
    """Return new contents of the segments in which something is not used.

    A table is used if a scan refers to it before it is defined again. A segment whose tables cannot be told apart is
    left as it is; decoders refuse it.

    Args:
        data: the stream.
        segments: all of them, in order.

    Returns:
        the segment, empty if nothing of it is used, by the offset of its marker.
    """
    made: dict[int, bytes] = {}
    arithmetic = any(segment.code in ARITHMETIC_DCT | {LOSSLESS_ARITHMETIC} for segment in segments)
    for segment in segments:
        size = segment.end - segment.body
        if (segment.code == CONDITIONING and not arithmetic) or (
            segment.code == NUMBER_OF_LINES and size != LINES_SIZE
        ):
            made[segment.start] = b""
    definitions, used = _find_used(data, segments)
    for start, tables in definitions.items():
        kept = [table for table in tables if table in used]
        if len(kept) < len(tables):
            body = b"".join(data[table.start : table.end] for table in kept)
            made[start] = data[start : start + 2] + (len(body) + 2).to_bytes(2, "big") + body if kept else b""
    return made


def _find_used(data: bytes, segments: list[Segment]) -> tuple[dict[int, list[Definition]], set[Definition]]:
    """Return the tables by the offset of their segment, and those that a scan refers to."""
    definitions: dict[int, list[Definition]] = {}
    used: set[Definition] = set()
    current: dict[Table, Definition] = {}
    quantisation: dict[int, int] = {}  # number of the table by component
    process = 0
    for segment in segments:
        if segment.code in (HUFFMAN_TABLES, QUANTISATION_TABLES):
            found = _split_tables(data, segment)
            if found:
                definitions[segment.start] = found
            current |= {definition.table: definition for definition in found}
        elif segment.code in FRAMES:
            process = segment.code
            body = data[segment.body + FRAME_SIZE : segment.end]
            quantisation = {body[at]: body[at + 2] for at in range(0, len(body) - 2, COMPONENT_SIZE)}
        elif segment.code == SCAN:
            used |= {
                current[table] for table in _references(data, segment, process, quantisation) if table in current
            }
    return definitions, used


def _references(data: bytes, scan: Segment, process: int, quantisation: dict[int, int]) -> set[Table]:
    """Return the tables that a scan refers to: of a progressive or lossless one, those of one kind only."""
    count = data[scan.body] if scan.body < len(data) else 0
    pairs = data[scan.body + 1 : scan.body + 1 + 2 * count]
    tables: set[Table] = set()
    first_coefficient = data[scan.body + 1 + 2 * count] if scan.body + 1 + 2 * count < len(data) else 0
    for component, numbers in zip(pairs[::2], pairs[1::2], strict=False):
        if process not in PROGRESSIVE or first_coefficient == 0:
            tables.add((DC, numbers >> 4))
        if process not in LOSSLESS and (process not in PROGRESSIVE or first_coefficient > 0):
            tables.add((AC, numbers & 15))
        if component in quantisation:
            tables.add((QUANTISATION, quantisation[component]))
    return tables


def _split_tables(data: bytes, segment: Segment) -> list[Definition]:
    """Return the tables of a segment, or an empty list if it does not consist of whole tables."""
    found: list[Definition] = []
    at = segment.body
    while at < segment.end:
        kind, number = data[at] >> 4, data[at] & 15
        if segment.code == QUANTISATION_TABLES:
            end, table = at + 1 + COEFFICIENTS * (2 if kind else 1), (QUANTISATION, number)
        else:
            end, table = at + 1 + CODE_LENGTHS, (AC if kind else DC, number)
            end += sum(data[at + 1 : end])
        if end > segment.end:
            return []
        found.append(Definition(table, segment.start, at, end))
        at = end
    return found
