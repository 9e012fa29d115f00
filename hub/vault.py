"""Sealing secrets at rest, and comparing codes without keeping them in clear.

The key lives outside the database: in the home folder's `key` file (readable by its owner only) or in `STUDIOHUB_KEY`.
There may be several keys, the newest first: everything is sealed with the newest and opened with any.

`cryptography` is loaded with the first secret that is sealed or opened: much of what people look at needs none.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hub import redact
from hub.errors import UserError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

__all__ = ["Vault", "new_key", "write_key_file"]

FILE_NAME = "key"
KEY_BYTES = 32
"""How long a sealing key is, written in base64 (https://github.com/fernet/spec/blob/master/Spec.md)."""


def new_key() -> str:
    """A fresh sealing key."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


class Vault:
    """Seals and opens texts with the installation's keys. One that was loaded from a key file reads it again when it
    changes, so a daemon follows a rotation."""

    def __init__(self, keys: Sequence[str], *, home: Path | None = None) -> None:
        self._home = home
        self._stamp = _stamp(home)
        self._made: tuple[tuple[str, ...], MultiFernet] | None = None
        self._use(keys)

    def _use(self, keys: Sequence[str]) -> None:
        if not keys or not all(_is_key(key) for key in keys):
            raise UserError(
                "the sealing key can't be read",
                fix="It is 44 characters of base64, as `studiohub init` writes it; several are separated by commas.",
                code="key",
            )
        self._keys = tuple(keys)
        redact.know(*keys)

    @property
    def _fernet(self) -> MultiFernet:
        keys, made = self._keys, self._made
        # Kept with the keys that it was made of: another thread may just have read new ones.
        if made is None or made[0] is not keys:
            from cryptography.fernet import Fernet, MultiFernet

            made = self._made = (keys, MultiFernet([Fernet(key) for key in keys]))
        return made[1]

    @classmethod
    def load(cls, home: Path, key: str | None = None) -> Vault:
        """The vault of an installation: `key` (from the environment) or the key file in `home`.

        Raises UserError where there is no key, or where others than its owner can read the file.
        """
        return cls(_split(key)) if key else cls(read_key_file(home), home=home)

    def _follow(self) -> None:
        stamp = _stamp(self._home)
        if self._home is not None and stamp != self._stamp:
            self._use(read_key_file(self._home))
            self._stamp = stamp

    def seal(self, text: str) -> bytes:
        """Encrypt a text."""
        self._follow()
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Decrypt a text, and register it as secret. Raises UserError where the key is not the one that sealed it."""
        text = self.open_private(sealed)
        redact.know(text)
        return text

    def open_private(self, sealed: bytes) -> str:
        """Decrypt what is somebody's own business but opens nothing (what they rode, what they weigh). It is not
        registered: those it is shown to must see it. Raises UserError as `open` does."""
        self._follow()
        return _unsealed(self._fernet.decrypt, sealed).decode()

    def reseal(self, sealed: bytes) -> bytes:
        """Seal again with the newest key."""
        return _unsealed(self._fernet.rotate, sealed)


def _is_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text)) == KEY_BYTES
    except ValueError:
        return False


def _unsealed(work: Callable[[bytes], bytes], sealed: bytes) -> bytes:
    from cryptography.fernet import InvalidToken

    try:
        return work(sealed)
    except InvalidToken as error:
        raise UserError(
            "a stored secret can't be opened with this key",
            fix="Put back the key file that belongs to this database, or set the secrets anew.",
            code="key",
        ) from error


def _stamp(home: Path | None) -> tuple[int, int] | None:
    """What changes when the key file does."""
    try:
        found = (home / FILE_NAME).stat() if home is not None else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ino) if found is not None else None


def fingerprint(text: str, pepper: str) -> str:
    """A keyed fingerprint: equal codes have equal ones, and nothing can be read from them without the pepper."""
    return hmac.new(pepper.encode(), text.encode(), hashlib.sha256).hexdigest()


def read_key_file(home: Path) -> list[str]:
    """The keys in the home folder's key file, newest first."""
    path = home / FILE_NAME
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except FileNotFoundError as error:
        raise UserError(
            f"there is no key file at {path}",
            fix="Run `studiohub init`, put the file back from where you keep it, or set STUDIOHUB_KEY.",
            code="key",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the key file {path} can't be read", said=str(error), code="key") from error
    if stat.S_IMODE(mode) & 0o077:
        raise UserError(
            f"the key file {path} can be read by others ({stat.S_IMODE(mode):04o})",
            fix=f"Run `chmod 600 {path}`.",
            code="key",
        )
    keys = _split(text)
    if not keys:
        raise UserError(f"the key file {path} is empty", code="key")
    return keys


def write_key_file(home: Path, keys: Sequence[str]) -> Path:
    """Write the key file in one step, readable by its owner only. Raises UserError where the home can't be written."""
    path = home / FILE_NAME
    draft = home / f".{FILE_NAME}.{os.getpid()}"
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write("".join(f"{key}\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise UserError(f"the key file {path} can't be written", said=str(error), code="key") from error
    return path


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]
