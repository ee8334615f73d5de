"""Where no call may ever lead, in every spelling; and what the name server says to whom."""

from __future__ import annotations

PUBLIC, PUBLIC_V6 = "8.8.8.8", "2606:4700::1111"
METADATA = "169.254.169.254"

# At least one of every range of O2, and the edges of those that are often cut short.
INSIDE = (
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254"),
    *("100.100.100.200", "127.0.0.1", "127.0.0.53", "127.255.255.254", "168.63.129.16"),
    *("169.254.0.1", METADATA, "169.254.170.2", "172.16.0.1", "172.31.255.255"),
    *("192.0.0.8", "192.0.0.192", "192.0.2.1", "192.31.196.1", "192.52.193.1"),
    *("192.88.99.1", "192.168.0.1", "192.168.255.255", "192.175.48.1", "198.18.0.1"),
    *("198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250"),
    *("240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::7f00:1", "::a9fe:a9fe", "::ffff:7f00:1", "::ffff:a9fe:a9fe"),
    *("::ffff:808:808", "::ffff:0:a00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1"),
    *("2001::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:30::1", "2001:db8::1"),
    *("2002:a00:1::1", "2002:7f00:1::", "3ffe::1", "3fff::1", "5f00::1", "4000::1"),
    *("fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "ff0e::1"),
)

# No TCP connection goes there on any machine, so no sink can see one.
UNREACHABLE = frozenset(
    {"224.0.0.1", "239.255.255.250", "255.255.255.255", "fe80::1", "ff02::1", "ff0e::1"}
)


def literal(address: str) -> str:
    return f"https://[{address}]" if ":" in address else f"https://{address}"


# name: what is answered to the first question for it, the second ..., and from then on
NAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "public.test": ((PUBLIC,),),
    "rebinding.test": ((PUBLIC,), (METADATA,)),
    **{f"inside-{n}.test": ((address,),) for n, address in enumerate(INSIDE)},
    **{
        f"mixed-{n}.test": ((PUBLIC, PUBLIC_V6, address),)
        for n, address in enumerate(INSIDE)
    },
}

# url: the address inside that it leads to
LITERAL = {literal(address): address for address in INSIDE}
NAMED = {f"https://inside-{n}.test": address for n, address in enumerate(INSIDE)}
MIXED = {f"https://mixed-{n}.test": address for n, address in enumerate(INSIDE)}

# What some reader somewhere takes for an address inside; each is refused as it is written.
TRICKS = (
    *(
        "https://2130706433",
        "https://2852039166",
        "https://0x7f000001",
        "https://0xa9fea9fe",
    ),
    *("https://0177.0.0.1", "https://0251.0376.0251.0376", "https://017700000001"),
    *(
        "https://0x7f.0.0.1",
        "https://127.1",
        "https://127.0.1",
        "https://10.1",
        "https://0",
    ),
    *("https://127.0.0.1.", "https://localhost.", "https://169.254.169.254.:443"),
    *("https://[::ffff:127.0.0.1]", "https://[0:0:0:0:0:ffff:a9fe:a9fe]"),
    *("https://[::127.0.0.1]", "https://[64:ff9b::169.254.169.254]", "https://[::1%25lo]"),
    *("https://public.test@127.0.0.1", "https://public.test:443@169.254.169.254/"),
    *("https://public.test%40169.254.169.254/", "https://public.test\\@169.254.169.254/"),
    *("https://127.0.0.1\\@public.test/", "https://public.test#@169.254.169.254/"),
    *("https://169.254.169.254#@public.test/", "https://public.test?@169.254.169.254/"),
    *("https://127.0.0.1%00.public.test/", "https://127.0.0.1\x00.public.test/"),
    *("https://127.0.0.1 public.test/", "https://127.0.0.1\tpublic.test/"),
    *("https://127.0.0.1\r\nhost:public.test/", "https:///127.0.0.1/", "https:127.0.0.1"),
    *("https://\u2460\u2461\u2466.0.0.1", "https://127\u30020\u30020\u30021"),
    *("https://\uff11\uff12\uff17.0.0.1", "https://%31%32%37.0.0.1", "//127.0.0.1/"),
    *(
        "http://127.0.0.1:8080",
        "http://10.0.0.1",
        "https://10.0.0.1:5432",
        "ftp://127.0.0.1",
    ),
    *("file:///etc/passwd", "gopher://127.0.0.1:6379/_x", "http://inside-2.test:8080"),
)

REDIRECTS = (301, 302, 303, 307, 308)
