"""HTX futures market-data connector."""
