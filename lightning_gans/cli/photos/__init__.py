"""``fit photos``: the settings of a run are chosen for the user's own pictures and for this machine."""
