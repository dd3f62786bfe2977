"""Relays to compare with: each is a program that takes messages from one queue and puts them into others."""
