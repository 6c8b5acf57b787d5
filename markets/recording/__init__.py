"""Recorded market data, as files of other programs hold it, turned into tapes."""
