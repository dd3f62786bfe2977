"""The ways in: bytes in, receipts out. Each link is one module family; both feed the one pipeline."""
