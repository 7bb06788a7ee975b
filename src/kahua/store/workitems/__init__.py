"""Workitems: what is to be done, by this site or by others (Unified Procedure Step)."""
