"""Call control: what joins the telephone, the voice path and SIP."""
