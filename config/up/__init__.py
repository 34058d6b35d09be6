"""`python -m config.up`: every process of Everbeat on this machine, under one small supervisor."""
