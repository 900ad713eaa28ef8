"""What a person reads after a call: one HTML page, and a short table on the terminal."""

from femtohost.report.page import write_report
from femtohost.report.table import call_table

__all__ = ["call_table", "write_report"]
