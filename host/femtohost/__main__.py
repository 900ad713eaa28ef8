"""`python -m femtohost` is `femtojack`."""

from femtohost.cli import main

main()
