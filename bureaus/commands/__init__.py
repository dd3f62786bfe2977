"""The commands of `bureaunet`, one module each."""
