"""Compressed data that unpacks to far more, made without ever holding it."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

MIB = 1 << 20


def deflated(byte: bytes, mebibytes: int) -> bytes:
    """A raw deflate stream of that many MiB of one byte: the same block again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packer.compress(b"")
    block = packer.compress(byte * MIB) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * mebibytes + b"\x03\x00"  # an empty last block


def zlib_stream(byte: bytes, mebibytes: int) -> bytes:
    """The same with zlib's header and checksum, as PDF has it."""
    check = 1
    for _ in range(mebibytes):
        check = zlib.adler32(byte * MIB, check)
    return b"\x78\xda" + deflated(byte, mebibytes) + struct.pack(">I", check)


def zip_with_bomb(archive: bytes, name: str, byte: bytes, mebibytes: int) -> bytes:
    """A zip archive with one of its files unpacking to that many MiB.

    Args:
        archive: has a file of this name, stored without compression and `PLACE` as its content.
        name: of the file.
        byte: what it is full of.
        mebibytes: how large it becomes.
    """
    check = 0
    for _ in range(mebibytes):
        check = zlib.crc32(byte * MIB, check)
    packed = deflated(byte, mebibytes)
    source = zipfile.ZipFile(io.BytesIO(archive))
    out = io.BytesIO()
    directory, count = [], 0
    for info in source.infolist():
        body, size, crc, method = source.read(info), info.file_size, info.CRC, 0
        if info.filename == name:
            body, size, crc, method = packed, mebibytes * MIB, check, 8
        file_name = info.filename.encode()
        fields = (20, 0, method, 0, 0x21, crc, len(body), size, len(file_name), 0)
        at = out.tell()
        out.write(b"PK\x03\x04" + struct.pack("<HHHHHIIIHH", *fields) + file_name + body)
        rest = struct.pack("<HHHII", 0, 0, 0, 0, at)
        directory.append(
            b"PK\x01\x02" + struct.pack("<HHHHHHIIIHH", 20, *fields) + rest + file_name
        )
        count += 1
    start = out.tell()
    out.write(b"".join(directory))
    end = struct.pack("<HHHHIIH", 0, 0, count, count, out.tell() - start, start, 0)
    return out.getvalue() + b"PK\x05\x06" + end
