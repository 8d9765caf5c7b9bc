"""Tables and reports of results, from the files of runs. No module here imports torch."""
