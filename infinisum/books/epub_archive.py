"""The zip archive of an EPUB, read within limits; what must not be read is refused."""

from __future__ import annotations

import contextlib
import io
import posixpath
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from urllib.parse import unquote

from infinisum.books.limits import DEFAULT_LIMITS, Limits
from infinisum.books.markup import parse_xml
from infinisum.errors import InputError

_FONT_SCRAMBLING = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_SMALL = 8 * 2**20  # bytes up to which no ratio is absurd
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError),
    *(RuntimeError, ValueError),  # a password, a broken LZMA header
)
_BOMB = "The file is made to exhaust memory, or is damaged; --limit {}=N allows more."
_UTF8_NAME = 0x800  # flag of an entry whose name is UTF-8


class Archive:
    """The files of an EPUB by their names; nothing is ever unpacked to the disk.

    Attributes:
        names: of the files, in their order, each once.
        encrypted: names of those that nobody but the seller's own program can read.

    Args:
        data: the zip archive.
        name: what to call it in messages.
        limits: on what it may unpack to.

    Raises:
        InputError: damaged, protected as a whole (password, DRM), or with too many files.
    """

    def __init__(self, data: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _DAMAGE as error:
            raise InputError(
                f"{name}: the EPUB is damaged: its zip archive cannot be opened.",
                "Download or copy the file again.",
            ) from error
        self._name = name
        self._limits = limits
        self._unpacked = 0
        infos = self._zip.infolist()
        if len(infos) > limits.entries:
            raise InputError(
                f"{name}: the archive has {len(infos):,} files, too many for a book.",
                "--limit entries=N allows more.",
            )
        self._exact: dict[str, zipfile.ZipInfo] = {}
        self._alike: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            entry = _entry_name(info)
            self._exact[entry] = info  # of two with one name the later counts, as in all of zip
            self._alike.setdefault(_key(entry), info)
        self.names = list(self._exact)
        self._encrypted: frozenset[str] = frozenset()
        self._refuse_protected()
        self._encrypted = frozenset(map(_key, self._encrypted_paths()))
        self.encrypted = [name for name in self.names if self.is_encrypted(name)]

    def read(self, path: str) -> bytes | None:
        """A file of the archive; None where it is missing or damaged.

        A name that is percent-encoded, differently composed or in other case is found too.

        Raises:
            InputError: it is encrypted, or would unpack to more than the limits allow.
        """
        if self.is_encrypted(path):
            raise self._protected(" (Adobe ADEPT)" if "META-INF/rights.xml" in self._exact else "")
        info = self._exact.get(path) or self._alike.get(_key(path))
        if info is None:
            return None
        self._check_size(info)
        try:
            data = self._zip.read(info)
        except _DAMAGE:
            return None
        self._unpacked += len(data)
        if self._unpacked > self._limits.unpacked_bytes:
            most = self._limits.unpacked_bytes / 2**20
            raise InputError(
                f"{self._name}: the texts unpack to more than {most:,.0f} MiB.",
                _BOMB.format("unpacked_bytes"),
            )
        return data

    def _check_size(self, info: zipfile.ZipInfo) -> None:
        size, limits = info.file_size, self._limits
        over = "entry_bytes" if size > limits.entry_bytes else ""
        if size > _SMALL and size > limits.ratio * max(info.compress_size, 1):
            over = over or "ratio"
        if over:
            raise InputError(
                f"{self._name}: {info.filename} would unpack to {size / 2**20:,.0f} MiB.",
                _BOMB.format(over),
            )

    def is_encrypted(self, path: str) -> bool:
        """Whether META-INF/encryption.xml names a file, its font scrambling aside."""
        return _key(path) in self._encrypted

    def _protected(self, kind: str) -> InputError:
        hint = "Protected books cannot be read; use a copy without DRM."
        return InputError(f"{self._name}: the book is protected by DRM{kind}.", hint)

    def _refuse_protected(self) -> None:
        if any(info.flag_bits & 1 for info in self._exact.values()):
            raise InputError(
                f"{self._name}: the archive is protected by a password.",
                "Protected books cannot be read; use a copy without DRM.",
            )
        if "META-INF/license.lcpl" in self._exact:
            raise self._protected(" (Readium LCP)")
        if "META-INF/sinf.xml" in self._exact:
            raise self._protected(" (Apple FairPlay)")

    def _encrypted_paths(self) -> Iterator[str]:
        """Files that META-INF/encryption.xml names, those that are only scrambled fonts aside.

        Raises:
            InputError: it says that there is encryption, but not of what.
        """
        data = self.read("META-INF/encryption.xml")
        root = parse_xml(data) if data else None
        for item in root.iter("{*}EncryptedData") if root is not None else ():
            method = next(item.iter("{*}EncryptionMethod"), None)
            if method is not None and method.get("Algorithm", "") in _FONT_SCRAMBLING:
                continue
            paths = [reference.get("URI") or "" for reference in item.iter("{*}CipherReference")]
            if not any(paths):
                raise self._protected("")
            yield from (posixpath.normpath(path.lstrip("/")) for path in paths if path)


def _entry_name(info: zipfile.ZipInfo) -> str:
    """The name of an entry with slashes; UTF-8 that is not marked as such is seen."""
    name = info.filename
    if not name.isascii() and not info.flag_bits & _UTF8_NAME:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return name.replace("\\", "/")


def _key(path: str) -> str:
    """What is the same for all ways to write a name."""
    return unicodedata.normalize("NFC", unquote(path)).casefold()
