"""The daily comparison of provider, ledger and treasury, by the day of one time zone.

``book`` reads the provider's own book into a table; ``matching`` sets the ledger beside it, in SQL;
``proven`` books what only the provider can know, ``payouts`` follows what it sent to the treasury;
``daily`` puts these together for one day; ``findings`` and ``totals`` write down what it found, and
``sharing`` who gets what of it; ``closing`` freezes a day; ``treasury`` reads the treasury's
statements.
"""
