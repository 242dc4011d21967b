"""Receipts: what was paid for what, as page, as PDF, and as a code that anyone can verify."""
