"""The vendors' formats, one module each."""
