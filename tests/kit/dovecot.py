"""A real dovecot on a free loopback port: IMAP over TLS, one person with one maildir; and letters put into it as a mail server would."""

from __future__ import annotations

import getpass
import grp
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from imapclient import IMAPClient

from plantroom.site import Channel
from rules.notify.http import trusted
from tests.kit.certificates import authority

USER, PASSWORD = "plant@example.com", "l3tters-of-it"
CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
ssl = required
auth_failure_delay = 0
ssl_cert = <{cert}
ssl_key = <{key}
mail_location = maildir:{folder}/mail
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@dataclass(frozen=True)
class Dovecot:
    port: int
    ca: Path

    def settings(self, **more: object) -> dict[str, object]:
        """Keys of a channel `email` that reads there."""
        return {"imap_host": "127.0.0.1", "imap_port": self.port, "imap_user": USER, "imap_password": PASSWORD, "imap_ca": str(self.ca), **more}

    def client(self) -> IMAPClient:
        found = IMAPClient("127.0.0.1", self.port, ssl=True, ssl_context=trusted(str(self.ca)), timeout=10)
        found.login(USER, PASSWORD)
        return found

    def put(self, *letters: bytes, folder: str = "INBOX") -> None:
        with self.client() as client:
            if not client.folder_exists(folder):
                client.create_folder(folder)
            for letter in letters:
                client.append(folder, letter)

    def unread(self, folder: str = "INBOX") -> int:
        with self.client() as client:
            client.select_folder(folder, readonly=True)
            return len(client.search("UNSEEN"))


def channel(settings: dict[str, object], **more: object) -> Channel:
    return Channel("mail", "email", {"host": "127.0.0.1", "from": USER, **settings, **more})


@contextmanager
def dovecot(folder: Path) -> Iterator[Dovecot]:
    """Runs until the block ends."""
    made = authority(folder / "ca")
    cert, key = made.signed("127.0.0.1", "subjectAltName=IP:127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    user = "dovecot" if os.geteuid() == 0 else getpass.getuser()  # as root it gives its rights up, to the user its package made
    known = pwd.getpwnam(user)
    uid, gid, group = known.pw_uid, known.pw_gid, grp.getgrgid(known.pw_gid).gr_name
    for name in ("run", "state", "mail", "home"):
        (folder / name).mkdir()
        os.chown(folder / name, uid, gid)
    values = {"folder": folder, "user": user, "group": group, "cert": cert, "key": key, "uid": uid, "gid": gid, "password": PASSWORD, "port": port}
    (folder / "dovecot.conf").write_text(CONFIG.format(**values))
    program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert program is not None
    process = subprocess.Popen([program, "-F", "-c", str(folder / "dovecot.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        for _ in range(200):
            assert process.poll() is None, process.stderr and process.stderr.read()
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.05)  # nothing tells us when it listens
        yield Dovecot(port, made.ca)
    finally:
        process.terminate()
        process.wait(10)
        if process.stderr:
            process.stderr.close()

