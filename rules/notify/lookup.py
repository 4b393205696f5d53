"""A name -> its addresses, so that a name server that hangs costs the channel that asked, and no other (reliability F26).

Loops look names up in a few threads that all share (uvloop in two): two lookups that hang would keep every other channel's from being
asked. Here each is a thread of its own that ends when the system gives up; of one name only a few are asked at once.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections import Counter
from contextlib import suppress

from plantroom.networks import Address, literal

MOST_OF_ONE = 8
FIRST_S = 2.5  # for a connection, where another address can be tried after it

_asking: Counter[str] = Counter()
_counting = threading.Lock()


async def addresses_of(host: str, port: int) -> list[Address]:
    """In the order the system has them; the address itself for one that is written out. Raises OSError for a name that leads nowhere, or
    about which several are asking in vain."""
    if (written := literal(host)) is not None:
        return [written]
    with _counting:
        if _asking[host] >= MOST_OF_ONE:
            raise OSError(f"the name server does not answer about {host}")
        _asking[host] += 1
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[Address]] = loop.create_future()

    def tell(answer: list[Address] | OSError) -> None:
        if found.done():  # whoever asked has given up
            return
        if isinstance(answer, OSError):
            found.set_exception(answer)
        else:
            found.set_result(answer)

    def ask() -> None:
        answer: list[Address] | OSError
        try:
            told = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer = list(dict.fromkeys(ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in told))
        except OSError as error:
            answer = error
        except ValueError as error:  # no name at all: UnicodeError
            answer = OSError(str(error))
        with _counting:
            _asking[host] -= 1
        with suppress(RuntimeError):  # the loop may be over by then
            loop.call_soon_threadsafe(tell, answer)

    threading.Thread(target=ask, name=f"lookup-{host}", daemon=True).start()
    return await found


async def connected(host: str, port: int) -> socket.socket:
    """To the first of the name's addresses that answers; whoever gets it closes it. Raises OSError."""
    addresses = await addresses_of(host, port)
    for n, address in enumerate(addresses, 1):
        sock = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            async with asyncio.timeout(FIRST_S if n < len(addresses) else None):
                await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
            return sock
        except (OSError, TimeoutError):
            sock.close()
            if n == len(addresses):
                raise
        except BaseException:
            sock.close()
            raise
    raise OSError(f"{host} has no address")
