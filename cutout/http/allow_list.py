"""Which hosts and addresses may be downloaded from, as an operator writes it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import idna

from cutout.errors import ConfigurationError
from cutout.http.addresses import Address, Network, is_public, parse_network

PUBLIC = "public"
WEB_PORTS = (80, 443)
# `host:port`, `network:port`, `[IPv6 network]:port`; an IPv6 network without brackets has no port.
ENTRY = re.compile(
    r"\[(?P<v6>[^\]]+)\](?::(?P<v6port>\d{1,5}))?|(?P<name>[^:\[\]]+)(?::(?P<port>\d{1,5}))?"
)
HOST_PATTERN = re.compile(
    r"(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z]([a-z0-9_-]*[a-z0-9_])?"
)


@dataclass(frozen=True)
class Rule:
    """One entry: a network, or a pattern of host names; and the ports it opens."""

    ports: tuple[int, ...]
    network: Network | None = None
    # `*` for every name.
    pattern: str = ""

    def permits(self, host: str, port: int, address: Address) -> bool:
        if port not in self.ports:
            return False
        if self.network is not None:
            return address in self.network
        return is_public(address) and self.matches(host)

    def matches(self, host: str) -> bool:
        if self.pattern.startswith("*."):
            return host.endswith(self.pattern[1:])
        return self.pattern in ("*", host)


@dataclass(frozen=True)
class AllowList:
    """What may be downloaded from; an address that no rule permits is refused.

    A network opens its addresses, private ones too, under any name. `public` and names of hosts
    open public addresses only, whatever a name server answers.
    """

    rules: tuple[Rule, ...] = ()

    def permits(self, host: str, port: int, address: Address) -> bool:
        """host: as `normal_host` gives it; address: what it resolved to."""
        return any(rule.permits(host, port, address) for rule in self.rules)


def parse_allow_list(entries: Iterable[str]) -> AllowList:
    """Rules of `public`, `images.example.com`, `*.example.com`, `10.1.0.0/16`, each with `:port`.

    Without a port an entry opens 80 and 443. Raises ConfigurationError.
    """
    return AllowList(tuple(_rule(entry.strip()) for entry in entries))


def normal_host(host: str) -> str:
    """A host name in lower case, as ASCII, without the final dot. Raises ValueError."""
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except UnicodeError as error:
            raise ValueError("not a host name") from error
    return host.lower().removesuffix(".")


def _rule(entry: str) -> Rule:
    if "[" not in entry and entry.count(":") > 1:
        return Rule(WEB_PORTS, network=parse_network(entry))
    match = ENTRY.fullmatch(entry)
    if not match:
        raise _not_an_entry(entry)
    port = match["port"] or match["v6port"]
    ports = (int(port),) if port else WEB_PORTS
    name = match["name"]
    if not name:
        return Rule(ports, network=parse_network(match["v6"]))
    if "/" in name or name.replace(".", "").isdigit():
        return Rule(ports, network=parse_network(name))
    return Rule(ports, pattern=_pattern(name))


def _pattern(name: str) -> str:
    if name.lower() == PUBLIC:
        return "*"
    wildcard = "*." if name.startswith("*.") else ""
    try:
        host = wildcard + normal_host(name.removeprefix("*."))
    except ValueError:
        raise _not_an_entry(name) from None
    if not HOST_PATTERN.fullmatch(host):
        raise _not_an_entry(name)
    return host


def _not_an_entry(entry: str) -> ConfigurationError:
    return ConfigurationError(
        f"{entry!r} is not a source of images; write public, a host (images.example.com, "
        "*.example.com) or a network (10.1.0.0/16), each with :port if it is not 80 or 443."
    )
