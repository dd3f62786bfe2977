"""Stories: the services of the network, told step by step on a private network of this machine's.

telling.py     steps as they happen, for people and for machines; what each must come to
people.py      who is in the story: synthetic
hearing.py     a bureau whose people wait for what they expect
house.py       the secretariat as a process of its own, and its staff at their commands
notice.py      a red notice, from the request to the arrest
"""
