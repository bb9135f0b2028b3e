"""Published claims: what the literature says, by which protocol it is tried here, and the verdict of our own numbers.

claim      a claim as data, one file of conf/claim each
evidence   the numbers of runs and measurements by arm
verdict    from numbers to a verdict, by the rules that the claim states
outcome    what was found, as committed beside the rows, and whether it still holds
"""
