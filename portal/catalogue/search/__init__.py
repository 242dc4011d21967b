"""Finding services by what citizens type: an index in memory, made from the catalogue at the start.

:mod:`language` takes a text apart into words and knows how they are written; :mod:`slips` finds
words that are one slip away; :mod:`index` weighs the words of the catalogue; :mod:`finder` answers.
"""
