"""The painter: records become pictures; nothing is computed here."""
