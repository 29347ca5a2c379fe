"""Docks and canvas modes, a file each: given the Session, a panel shows and calls it, never another panel."""
