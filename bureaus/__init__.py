"""The bureaus' side: the SDK, its links and store, exercises, the auditor. It builds on `schemas` alone."""
