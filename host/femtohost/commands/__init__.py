"""The commands, one module a subject; importing a module registers its commands. No logic lives here."""
