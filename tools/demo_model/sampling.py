"""How weft-tales is to be drawn from, as its file says (general.sampling.*): only what is about as
likely as the best. In its world that leaves all names and colours, and takes most mistakes away.
Chosen on tales of other seeds than those of evaluate.py.
"""

RECOMMENDED = {"temperature": 0.3, "min_p": 0.2}
