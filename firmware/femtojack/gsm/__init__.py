"""The GSM cell: from the baseband's mailbox to calls and messages of its phones."""
