"""URLs, names and addresses that must not be reached by a download."""

import socket

import pytest
from loopback import Names

from cutout.errors import DownloadForbidden
from cutout.http.allow_list import parse_allow_list
from cutout.http.fetch import fetch

PUBLIC = parse_allow_list(["public"])


@pytest.fixture
def connections(monkeypatch) -> list:
    """What was tried to be connected to; nothing is."""
    tried = []
    monkeypatch.setattr(socket, "create_connection", lambda *args, **_: tried.append(args))
    return tried


FORBIDDEN_URLS = """
http://127.0.0.1/ http://127.0.0.1:80/ https://127.0.0.1/ http://127.1.2.3/ http://127.0.0.1./
http://0.0.0.0/ http://0/ http://10.0.0.1/ http://172.16.0.1/ http://172.31.255.255/
http://192.168.0.1/ http://169.254.169.254/latest/meta-data/ http://100.64.0.1/
http://100.100.100.200/ http://168.63.129.16/ http://192.0.0.192/ http://192.0.2.1/
http://198.18.0.1/ http://198.51.100.1/ http://203.0.113.1/ http://224.0.0.1/ http://240.0.0.1/
http://255.255.255.255/ http://192.88.99.1/
http://2130706433/ http://0x7f000001/ http://0x7F.1/ http://017700000001/ http://0177.0.0.1/
http://127.1/ http://127.0.1/ http://0x7f.0.0.1/ http://127.0.0.0x1/ http://134744072/
http://00000127.0.0.1/ http://127.0.0.1.%00/ http://127%2e0.0.1/
http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/ http://127。0。0。1/ http://①②⑦.0.0.1/ http://[::]/ http://[::1]/
http://[0:0:0:0:0:0:0:1]/ http://[::ffff:127.0.0.1]/ http://[::ffff:7f00:1]/
http://[::ffff:8.8.8.8]/ http://[::127.0.0.1]/ http://[::ffff:0:127.0.0.1]/
http://[64:ff9b::127.0.0.1]/ http://[64:ff9b::8.8.8.8]/ http://[64:ff9b:1::a00:1]/
http://[2002:7f00:1::]/ http://[2002:808:808::1]/ http://[2001:0:7f00:1::]/
http://[2001:db8::1]/ http://[fe80::1]/ http://[fe80::1%25eth0]/ http://[fc00::1]/
http://[fd00:ec2::254]/ http://[ff02::1]/ http://[fec0::1]/ http://[3fff::1]/
http://[2606:4700::5efe:7f00:1]/ http://[::1]:443/ http://[v1.x]/ http://[::1/
http://[images.test]/ http://[127.0.0.1]/
http://localhost/ http://LOCALHOST./ http://ⓛocalhost/
http://8.8.8.8:22/ http://8.8.8.8:6379/ http://8.8.8.8:0/ http://8.8.8.8:99999/
http://8.8.8.8:x/ http://user@8.8.8.8/ http://user:word@8.8.8.8/ http://@8.8.8.8/
http://8.8.8.8@127.0.0.1/ http://8.8.8.8\\@127.0.0.1/ http://127.0.0.1\\.images.test/
file:///etc/passwd ftp://8.8.8.8/ gopher://8.8.8.8/ data:image/png;base64,AAAA
javascript:alert(1) //8.8.8.8/ 8.8.8.8 http: http:// http:/// http:8.8.8.8 jar:http://8.8.8.8/
http://images..test/ http://-/.. http://.test/ http://a%20b.test/ http://images.test../
""".split()  # noqa: SIM905
ODD_URLS = ["", "http://8.8.8.8/\ud800", "http://\ud800/", "http://images.test/?\udfff"]


@pytest.mark.parametrize("url", [*FORBIDDEN_URLS, "http://8.8.8.8/" + "a" * 3000, *ODD_URLS])
def test_no_connection_is_opened_to(url, connections):
    names = Names(["127.0.0.1"])
    with pytest.raises(DownloadForbidden):
        fetch(url, allow=PUBLIC, max_bytes=1000, timeout_s=5, resolver=names)
    assert names.asked in ([], ["localhost"]) and not connections


def test_an_address_with_a_zone_is_refused_though_its_network_is_allowed(connections):
    allow = parse_allow_list(["fe80::/10"])
    with pytest.raises(DownloadForbidden):
        fetch("http://[fe80::1%25eth0]/", allow=allow, max_bytes=1000, timeout_s=5)
    assert not connections


@pytest.mark.parametrize("character", [" ", "\t", "\n", "\r", "\0", "\x7f", "\\"])
@pytest.mark.parametrize("url", ["{}http://8.8.8.8/", "http://8.8.{}8.8/", "http://8.8.8.8/a{}b"])
def test_characters_that_parsers_read_differently_are_refused(url, character):
    with pytest.raises(DownloadForbidden):
        fetch(url.format(character), allow=PUBLIC, max_bytes=1000, timeout_s=5)


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["93.184.216.34", "10.0.0.1"],
        ["::1", "93.184.216.34"],
        ["2002:7f00:1::"],
        [],
        ["93.184.216.34", "64:ff9b::a00:1"],
        ["fe80::1%eth0"],
    ],
)
def test_one_forbidden_address_of_a_name_refuses_it(addresses, connections):
    with pytest.raises(DownloadForbidden):
        options = {"allow": PUBLIC, "max_bytes": 1000, "timeout_s": 5}
        fetch("http://images.test/", resolver=Names(addresses), **options)
    assert not connections


def test_an_unknown_name_and_a_forbidden_one_get_the_same_answer(caplog):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    details = set()
    for resolver in (unknown, Names(["10.9.8.7"])):
        with pytest.raises(DownloadForbidden) as caught:
            fetch("http://a.test/", allow=PUBLIC, max_bytes=9, timeout_s=5, resolver=resolver)
        details.add(caught.value.detail)
    assert len(details) == 1 and "10.9.8.7" not in details.pop()
