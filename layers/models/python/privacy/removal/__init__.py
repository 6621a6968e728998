"""The one pattern of every removal: hide, queue, reclaim, verify, certify (docs/decisions.md, "Removal")."""
