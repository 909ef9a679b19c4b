"""Commands that turn models into C and verify what was written."""
