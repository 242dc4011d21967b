"""Refunds as staff see them: what can go back, who asks, who approves; no person is named."""
