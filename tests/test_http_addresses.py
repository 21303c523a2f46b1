"""Public and other addresses; networks and allow lists as an operator writes them."""

from ipaddress import ip_address

import pytest

from cutout.errors import ConfigurationError
from cutout.http.addresses import is_public
from cutout.http.allow_list import normal_host, parse_allow_list


@pytest.mark.parametrize(
    "text",
    [
        "1.1.1.1",
        "8.8.8.8",
        "93.184.216.34",
        "172.15.255.255",
        "172.32.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450:4001::200e",
        "2001:200::1",
    ],
)
def test_ordinary_addresses_are_public(text):
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::a00:1",
        "100::1",
        "2001::1",
        "2001:0:7f00:1::",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "2606:4700::5efe:7f00:1",
        "2606:4700::200:5efe:a00:1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
    ],
)
def test_special_addresses_are_not(text):
    assert not is_public(ip_address(text))


PRIVATE, OUTSIDE = "10.1.2.3", "93.184.216.34"


@pytest.mark.parametrize(
    "entries, host, port, address, permitted",
    [
        (["public"], "images.test", 443, OUTSIDE, True),
        (["public"], "images.test", 80, OUTSIDE, True),
        (["public"], "images.test", 8080, OUTSIDE, False),
        (["public:8080"], "images.test", 8080, OUTSIDE, True),
        (["public"], "images.test", 80, PRIVATE, False),
        ([], "images.test", 80, OUTSIDE, False),
        (["images.test"], "images.test", 80, OUTSIDE, True),
        (["IMAGES.test"], "images.test", 80, OUTSIDE, True),
        (["bücher.test"], "xn--bcher-kva.test", 80, OUTSIDE, True),
        (["images.test"], "www.images.test", 80, OUTSIDE, False),
        (["images.test"], "badimages.test", 80, OUTSIDE, False),
        (["images.test"], "images.test", 80, PRIVATE, False),
        (["*.images.test"], "a.b.images.test", 80, OUTSIDE, True),
        (["*.images.test"], "images.test", 80, OUTSIDE, False),
        (["*.images.test"], "evilimages.test", 80, OUTSIDE, False),
        (["10.1.0.0/16"], "storage", 80, PRIVATE, True),
        (["10.1.0.0/16"], "storage", 80, "10.2.0.1", False),
        (["10.1.0.0/16"], "storage", 9000, PRIVATE, False),
        (["10.1.0.0/16:9000"], "storage", 9000, PRIVATE, True),
        (["10.1.0.0/16:9000"], "storage", 80, PRIVATE, False),
        (["10.1.2.3:9000"], "storage", 9000, PRIVATE, True),
        (["10.1.0.0/16"], "storage", 80, "::ffff:10.1.2.3", False),
        (["fd00::/8"], "storage", 80, "fd00::1", True),
        (["[fd00::/8]:9000"], "storage", 9000, "fd00::1", True),
        (["[fd00::1]"], "storage", 80, "fd00::1", True),
        (["images.test", "10.1.2.3/32"], "images.test", 80, PRIVATE, True),
    ],
)
def test_rules_of_names_networks_and_ports(entries, host, port, address, permitted):
    allow = parse_allow_list(entries)
    assert allow.permits(host, port, ip_address(address)) is permitted


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "*",
        "*.*",
        "http://images.test",
        "images.test/path",
        "0.0.0.0/0",
        "10.0.0.1/8",
        "a..b",
        "images.test:x",
        "1.2.3",
        "*images.test",
        "im ages",
        "user@images.test",
        "[fd00::1",
    ],
)
def test_what_is_no_source_stops_the_start(entry):
    with pytest.raises(ConfigurationError):
        parse_allow_list([entry])


@pytest.mark.parametrize(
    "host, normal",
    [
        ("Images.TEST.", "images.test"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("\uff11\uff12\uff17.\uff10.\uff10.\uff11", "127.0.0.1"),
        ("127。0。0。1", "127.0.0.1"),
        ("ⓛocalhost", "localhost"),
    ],
)
def test_names_are_compared_in_one_form(host, normal):
    assert normal_host(host) == normal
