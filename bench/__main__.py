"""``python -m bench``: the figures, as a table."""

import argparse

from bench.first_visit import first_visits
from bench.handoff import print_hand_off
from bench.lighthouse import print_scores
from bench.receipts import figures as receipt_figures
from bench.reconciliation import print_days
from bench.requests import figures
from bench.settling import print_rates
from bench.start import second_start


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=300, help="requests per row (default 300)")
    parser.add_argument("--no-browser", action="store_true", help="leave first visits out")
    parser.add_argument("--no-days", action="store_true", help="leave compared days out")
    parser.add_argument("--no-settling", action="store_true", help="leave settled webhooks out")
    parser.add_argument("--no-hand-off", action="store_true", help="leave the way to centers out")
    parser.add_argument("--lighthouse", action="store_true", help="its scores too; takes minutes")
    parser.add_argument("--no-start", action="store_true", help="leave memory and start time out")
    chosen = parser.parse_args()
    print(f"{'per round':28}{'CPU µs':>10}{'ratio':>9}{'wall ms':>10}")
    for each in figures(chosen.rounds):
        print(f"{each.name:28}{each.cpu_us:10.0f}{each.ratio:9.1f}{each.wall_ms:10.2f}", flush=True)
    print(f"\n{'receipts':28}{'ms':>10}{'ratio':>9}{'kB':>10}")
    for row in receipt_figures():
        print(f"{row.name:28}{row.ms:10.2f}{row.ratio:9.1f}{row.kb:10.1f}", flush=True)
    if not chosen.no_settling:
        print()
        print_rates()
    if not chosen.no_hand_off:
        print()
        print_hand_off()
    if not chosen.no_browser:
        print(f"\n{'first visit, slow 3G':42}{'requests':>9}{'kB':>7}{'text kB':>9}{'paint s':>9}")
        for one in first_visits():
            print(
                f"{one.path:42}{one.requests:9}{one.all_kb:7.1f}{one.text_kb:9.1f}{one.paint_s:9.2f}",
                flush=True,
            )
    if not chosen.no_days:
        print()
        print_days()
    if chosen.lighthouse:
        print()
        print_scores()
    if not chosen.no_start:
        print(f"\n{'second start':28}")
        for name, value in second_start().items():
            print(f"{name:28}{value:10.1f}")


if __name__ == "__main__":
    main()
