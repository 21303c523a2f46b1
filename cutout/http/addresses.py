"""IP addresses: which are public, and networks as an operator writes them."""

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_network,
)

from cutout.errors import ConfigurationError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# The registries of special-purpose addresses (RFC 6890 and IANA's pages, November 2026). Written
# out, because `ipaddress.is_global` changed its answers between Python's patch releases.
SPECIAL_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; 0.0.0.0 reaches the machine itself
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; a metadata service in one cloud
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a public address that one cloud uses for its machine agent
        "169.254.0.0/16",  # link-local; metadata services of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; a metadata service in one cloud
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # automatic multicast tunnelling
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# Only this block is handed out to the public. Outside lie loopback, unspecified, link-local,
# site-local, unique local, multicast, and the forms that embed an IPv4 address: mapped ::ffff:0:0,
# compatible ::/96, translated ::ffff:0:0:0, NAT64 64:ff9b::/96 and 64:ff9b:1::/48.
GLOBAL_IPV6 = IPv6Network("2000::/3")
SPECIAL_IPV6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo 2001::/32, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: embeds an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
# ISATAP (RFC 5214): the lower half embeds an IPv4 address behind this mark.
ISATAP_MARKS = (0x0000_5EFE, 0x0200_5EFE)


def without_mapping(address: Address) -> Address:
    """`::ffff:192.0.2.1` as 192.0.2.1: how a socket for both families names IPv4 clients."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def is_public(address: Address) -> bool:
    """Whether this is an ordinary address of the public internet.

    IPv6 forms that embed an IPv4 address are refused altogether, whatever they embed: a public
    server is reached without them.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in SPECIAL_IPV4)
    if address not in GLOBAL_IPV6 or any(address in network for network in SPECIAL_IPV6):
        return False
    return (int(address) >> 32) & 0xFFFF_FFFF not in ISATAP_MARKS


def parse_network(text: str) -> Network:
    """One address or network, `10.0.0.0/8` or `fd00::1`. Raises ConfigurationError."""
    try:
        network = ip_network(text)
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is not a network; write it like 10.0.0.0/8, 192.0.2.7 or fd00::/8."
        ) from None
    if not network.prefixlen:
        raise ConfigurationError(f"{text!r} is every address there is; name the networks meant.")
    return network
