"""Whether plans could be carried out now: pure judging of what was compiled and seen."""
