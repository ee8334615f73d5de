"""The one crypto module, against published vectors and by its own promises.

AES-256-GCM: test cases 13 to 16 of the GCM specification (McGrew and Viega), NIST's for
decryption, and Wycheproof's two with a tag that is all ones or zeros (aes_gcm_test.json,
128 and 129). HKDF: the SHA-256 cases of RFC 5869, appendix A. HMAC: RFC 4231, 1 and 2.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import crypto
from adapters.crypto import DoesNotOpen

KEY_15 = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
IV_15 = "cafebabefacedbaddecaf888"
PLAIN_15 = (
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
)
CIPHER_15 = (
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
)
KEY_128 = "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f"
LABEL_16 = "feedfacedeadbeeffeedfacedeadbeefabaddad2"

GCM = {  # key, nonce, label, plaintext, ciphertext, tag
    "13": ("00" * 32, "00" * 12, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
    "14": (
        "00" * 32,
        "00" * 12,
        "",
        "00" * 16,
        "cea7403d4d606b6e074ec5d3baf39d18",
        "d0d1c8a799996bf0265b98b5d48ab919",
    ),
    "15": (KEY_15, IV_15, "", PLAIN_15, CIPHER_15, "b094dac5d93471bdec1a502270e3cc6c"),
    "16": (
        KEY_15,
        IV_15,
        LABEL_16,
        PLAIN_15[:120],
        CIPHER_15[:120],
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ),
    "all ones": (
        KEY_128,
        "00" * 12,
        "",
        "561008fa07a68f5c61285cd013464eaf",
        "23293e9b07ca7d1b0cae7cc489a973b3",
        "ff" * 16,
    ),
    "all zeros": (
        KEY_128,
        "ff" * 12,
        "",
        "c6152244cea1978d3e0bc274cf8c0b3b",
        "7cb6fc7c6abc009efe9551a99f36a421",
        "00" * 16,
    ),
}
NIST = [
    dict(line.split(" =") for line in case.splitlines() if " =" in line)
    for case in (Path(__file__).parent / "vectors/gcm_decrypt_256.rsp")
    .read_text()
    .split("\n\n")[1:]
]

HKDF = {  # key, salt, info, output
    "A.1": (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        (
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
            "34007208d5b887185865"
        ),
    ),
    "A.2": (
        bytes(range(0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        (
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
            "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
            "cc30c58179ec3e87c14c01d5c1f3434f1d87"
        ),
    ),
    "A.3": (
        "0b" * 22,
        "",
        "",
        (
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
            "9d201395faa4b61a96c8"
        ),
    ),
}


@pytest.mark.parametrize("case", GCM)
def test_a_published_ciphertext_opens_to_the_published_plaintext(case: str) -> None:
    key, nonce, label, plaintext, ciphertext, tag = map(bytes.fromhex, GCM[case])
    assert crypto.unseal(key, nonce, ciphertext + tag, label) == plaintext


@pytest.mark.parametrize("case", GCM)
def test_a_published_ciphertext_with_any_bit_of_its_tag_changed_does_not_open(
    case: str,
) -> None:
    key, nonce, label, _, ciphertext, tag = map(bytes.fromhex, GCM[case])
    for bit in range(8 * len(tag)):
        with pytest.raises(DoesNotOpen):
            crypto.unseal(key, nonce, ciphertext + flipped(tag, bit), label)


@pytest.mark.parametrize("case", NIST)
def test_what_nist_says_opens_and_nothing_else_does(case: dict[str, str]) -> None:
    key, nonce, ciphertext, label, tag = (
        bytes.fromhex(case[name]) for name in ("Key", "IV", "CT", "AAD", "Tag")
    )
    if "PT" in case:
        opened = crypto.unseal(key, nonce, ciphertext + tag, label)
        assert opened == bytes.fromhex(case["PT"])
    else:
        with pytest.raises(DoesNotOpen):
            crypto.unseal(key, nonce, ciphertext + tag, label)


@pytest.mark.parametrize("cut", [1, 4, 8, 15, 16])
def test_a_shortened_tag_does_not_open(cut: int) -> None:
    key, nonce, label, _, ciphertext, tag = map(bytes.fromhex, GCM["13"])
    with pytest.raises(DoesNotOpen):
        crypto.unseal(key, nonce, ciphertext + tag[:-cut], label)


@pytest.mark.parametrize("length", [0, 8, 11, 13, 16])
def test_a_nonce_of_another_length_than_96_bits_is_refused(length: int) -> None:
    with pytest.raises(DoesNotOpen):
        crypto.unseal(bytes(32), bytes(length), bytes(32), b"")


@pytest.mark.parametrize("length", [0, 16, 24, 31, 33])
def test_a_key_of_another_length_than_256_bits_is_a_bug(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        crypto.seal(bytes(length), b"text", b"")


@pytest.mark.parametrize("case", HKDF)
def test_a_derived_key_is_the_published_one(case: str) -> None:
    key, salt, info, output = map(bytes.fromhex, HKDF[case])
    assert crypto.hkdf_sha256(key, salt=salt, info=info, length=len(output)) == output


def test_a_keyed_hash_is_the_published_one() -> None:
    assert crypto.hmac_sha256(b"\x0b" * 20, b"Hi There").hex() == (
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    )
    assert crypto.hmac_sha256(b"Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


@given(st.binary(min_size=1, max_size=4096), st.binary(max_size=200))
def test_whatever_was_sealed_opens_to_itself(plaintext: bytes, label: bytes) -> None:
    key = crypto.random_key()
    nonce, ciphertext = crypto.seal(key, plaintext, label)
    assert crypto.unseal(key, nonce, ciphertext, label) == plaintext


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_changed_bit_anywhere_does_not_open(
    plaintext: bytes, data: st.DataObject
) -> None:
    key, label = crypto.random_key(), b"label"
    nonce, ciphertext = crypto.seal(key, plaintext, label)
    parts = [key, nonce, ciphertext, label]
    which = data.draw(st.integers(0, len(parts) - 1))
    bit = data.draw(st.integers(0, 8 * len(parts[which]) - 1))
    parts[which] = flipped(parts[which], bit)
    with pytest.raises(DoesNotOpen):
        crypto.unseal(*parts)


def test_sealing_twice_never_gives_the_same() -> None:
    sealed = {crypto.seal(bytes(32), b"text", b"") for _ in range(100)}
    assert len({nonce for nonce, _ in sealed}) == 100


def test_a_token_is_its_prefix_and_256_random_bits() -> None:
    tokens = {crypto.random_token("bot_") for _ in range(100)}
    assert len(tokens) == 100
    assert all(re.fullmatch(r"bot_[A-Za-z0-9_-]{43}", token) for token in tokens)


def test_comparing_tells_equal_from_different() -> None:
    assert crypto.equal(b"one", b"one")
    assert not crypto.equal(b"one", b"two")
    assert not crypto.equal(b"one", b"on")


def flipped(value: bytes, bit: int) -> bytes:
    """The value with one bit the other way round."""
    number = int.from_bytes(value) ^ (1 << bit)
    return number.to_bytes(len(value))
