"""The operators' commands, one module a group. Modules import click alone at their top, so that --help stays quick."""
