"""The wire contract: what is signed, sealed, recorded and proved. Pure: no I/O, no clock, no logging."""
