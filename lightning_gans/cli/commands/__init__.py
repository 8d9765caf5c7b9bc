"""The commands besides training, one module each; they start without Lightning.

Each module has ``make_parser()``, which returns its parser, and ``run(options)``, which takes the parsed options.
"""
